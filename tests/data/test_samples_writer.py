"""Samples that grow on disk are the samples that were appended, whatever killed the process that wrote them."""

import subprocess
import sys

import numpy as np
import pytest

from ctk.data import SamplesWriter, link_samples
from ctk.samples import Samples, Targets

# The child appends ten parts, commits after each third, and is killed in the middle of the ninth.
KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from ctk.data.samples_writer import SamplesWriter
writer = SamplesWriter(Path(sys.argv[1]))
for part in range(9):
    writer.append({"ids": np.arange(5) + 5 * part, "features/x": np.full((5, 700), part, np.float32)})
    if part % 3 == 2 and part < 8:
        writer.commit({"part": part + 1})
os.kill(os.getpid(), signal.SIGKILL)
"""


def part(number: int, rows: int = 5) -> dict[str, np.ndarray]:
    return {"ids": np.arange(rows) + rows * number, "features/x": np.full((rows, 700), number, np.float32)}


def contents(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_appended_in_parts_is_opened_as_one(tmp_path):
    writer = SamplesWriter(tmp_path)
    random = np.random.default_rng(0)
    target = random.standard_normal((7, 2))
    for rows in (slice(0, 3), slice(3, 7)):
        writer.append(
            {"ids": np.arange(7)[rows], "features/x": np.eye(7, dtype=np.float32)[rows], "target": target[rows]}
            | {"groups/time": np.arange(7)[rows] // 2}
        )
    writer.finish({"mean": target.mean(axis=0)}, Targets(np.array(["a", "b"]), np.array(["g", "g"])))
    samples = Samples.open(tmp_path)
    np.testing.assert_array_equal(samples.ids, np.arange(7))
    np.testing.assert_array_equal(samples.features["x"], np.eye(7))
    np.testing.assert_array_equal(samples.target, target)
    np.testing.assert_array_equal(samples.group("time"), [0, 0, 1, 1, 2, 2, 3])
    np.testing.assert_array_equal(samples.constants["mean"], target.mean(axis=0))
    assert samples.targets is not None
    assert samples.targets.names.tolist() == ["a", "b"]


def test_a_killed_writer_goes_on_from_its_last_commit_and_ends_with_the_same_bytes(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    child = subprocess.run([sys.executable, "-c", KILLED, str(killed)], check=False)
    assert child.returncode == -9
    writer = SamplesWriter(killed)
    assert (writer.rows, writer.state) == (30, {"part": 6})
    for number in range(6, 10):
        writer.append(part(number))
    writer.finish({})
    other = SamplesWriter(whole)
    for number in range(10):
        other.append(part(number))
    other.finish({})
    assert contents(killed) == contents(whole)


def test_what_was_written_after_the_last_commit_is_forgotten(tmp_path):
    writer = SamplesWriter(tmp_path)
    writer.append(part(0))
    writer.commit("one")
    writer.append(part(8))
    np.testing.assert_array_equal(writer.written("ids"), [0, 1, 2, 3, 4, 40, 41, 42, 43, 44])
    writer = SamplesWriter(tmp_path)
    writer.append(part(1))
    writer.finish({})
    np.testing.assert_array_equal(Samples.open(tmp_path).ids, np.arange(10))


def test_a_folder_that_lost_an_array_since_its_commit_is_begun_anew(tmp_path):
    writer = SamplesWriter(tmp_path)
    writer.append(part(0))
    writer.commit("one")
    (tmp_path / "features" / "x.npy").unlink()
    writer = SamplesWriter(tmp_path)
    assert (writer.rows, writer.state) == (0, None)
    writer.append(part(3))
    writer.finish({})
    np.testing.assert_array_equal(Samples.open(tmp_path).features["x"], np.full((5, 700), 3))


def test_a_finished_folder_says_so(tmp_path):
    writer = SamplesWriter(tmp_path)
    writer.append(part(0))
    assert not writer.finished
    writer.finish({})
    assert SamplesWriter(tmp_path).finished


def test_samples_without_rows_keep_types_and_shapes(tmp_path):
    writer = SamplesWriter(tmp_path)
    writer.append(part(0, rows=0))
    writer.finish({})
    samples = Samples.open(tmp_path)
    assert (len(samples), samples.features["x"].shape, samples.features["x"].dtype) == (0, (0, 700), np.float32)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ids": np.arange(5)},
        {"ids": np.arange(5), "features/x": np.zeros((4, 700), np.float32)},
        {"ids": np.arange(5), "features/x": np.zeros((5, 700))},
        {"ids": np.arange(5), "features/x": np.zeros((5, 7), np.float32)},
    ],
    ids=["an array is missing", "fewer rows", "another type", "another width"],
)
def test_rows_unlike_those_before_are_refused(tmp_path, wrong):
    writer = SamplesWriter(tmp_path)
    writer.append(part(0))
    with pytest.raises(ValueError, match="features/x"):
        writer.append(wrong)


def test_linked_samples_are_the_same_files_but_for_what_is_left_out(tmp_path):
    truth, test = tmp_path / "truth", tmp_path / "test"
    writer = SamplesWriter(truth)
    writer.append({**part(0), "target": np.ones((5, 2))})
    writer.finish({"weights": np.ones(2)})
    link_samples(truth, test, without=["target"])
    link_samples(truth, test, without=["target"])  # a killed call may have begun
    samples = Samples.open(test)
    assert samples.target is None
    np.testing.assert_array_equal(samples.ids, np.arange(5))
    np.testing.assert_array_equal(samples.constants["weights"], np.ones(2))
    assert (test / "features" / "x.npy").samefile(truth / "features" / "x.npy")
