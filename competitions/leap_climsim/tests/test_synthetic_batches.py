"""What building in child processes promises when they die, hang or report an error. A small script plays the child."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from ctk.errors import CtkError, DataError
from ctk_leap_climsim.columns import GRID
from ctk_leap_climsim.synthetic import batches, files
from ctk_leap_climsim.synthetic.build import Build
from ctk_leap_climsim.synthetic.timeline import moments

CHILD = """
import json, os, sys, time
job = json.load(sys.stdin)
open(os.path.join({notes!r}, str(os.getpid())), "w").write(json.dumps(job))
for step, attempt in job["todo"]:
{body}
    print(json.dumps({{"made": step}}), flush=True)
"""


class Child:
    """A stand-in for the worker: ``body`` runs before each time step is said to be made."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.notes = folder / "notes"
        self.notes.mkdir()

    def does(self, body: str) -> None:
        script = self.folder / "child.py"
        script.write_text(CHILD.format(notes=str(self.notes), body=body))
        self.monkeypatch.setattr(batches, "WORKER", (sys.executable, str(script)))

    def alive(self) -> list[int]:
        return [pid for pid in map(int, os.listdir(self.notes)) if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def child(tmp_path, monkeypatch) -> Child:
    return Child(tmp_path, monkeypatch)


def build(tmp_path: Path, steps: int = 10, **options) -> Build:
    return Build(columns=steps * GRID, out=tmp_path / "out", **options)


def quiet(what: str, done: int, total: int) -> None:
    pass


@pytest.mark.parametrize("workers", [1, 3])
def test_every_time_step_is_made_once_whatever_the_workers(tmp_path, child, workers):
    child.does(f"    open(os.path.join({str(tmp_path)!r}, f'step-{{step}}'), 'x')")
    steps: list[tuple[str, int, int]] = []
    build(tmp_path, workers=workers).run(lambda *step: steps.append(step))
    assert len(list(tmp_path.glob("step-*"))) == 10
    assert [done for _, done, _ in steps] == [GRID * n for n in range(11)]
    assert {total for _, _, total in steps} == {10 * GRID}
    assert len(os.listdir(child.notes)) == workers


def test_a_time_step_whose_process_dies_is_tried_once_more_with_another_draw(tmp_path, child):
    child.does("    if step == 4 and attempt == 0: os.abort()")
    steps: list[int] = []
    build(tmp_path, workers=1).run(lambda what, done, total: steps.append(done))
    assert steps[-1] == 10 * GRID
    assert len(os.listdir(child.notes)) == 2


def test_a_process_that_ends_as_if_all_were_well_has_died_too(tmp_path, child):
    child.does("    if step == 4 and attempt == 0: sys.exit(0)")  # as Fortran's STOP does
    steps: list[int] = []
    build(tmp_path, workers=1).run(lambda what, done, total: steps.append(done))
    assert steps[-1] == 10 * GRID


def test_a_time_step_that_dies_twice_is_named_with_how_it_ended(tmp_path, child):
    child.does("    if step == 4: sys.exit('RRTMG: bad cloud')")
    with pytest.raises(CtkError) as error:
        build(tmp_path, workers=2, seed=3).run(quiet)
    assert "time step 4 of seed 3 ended its process 2 times (exit code 1: RRTMG: bad cloud)" in error.value.problem
    assert "--seed" in error.value.help
    assert not child.alive()


def test_what_a_child_says_is_wrong_is_the_error(tmp_path, child):
    child.does("    print(json.dumps({'problem': 'no climt.', 'help': 'install it.'})); sys.exit(1)")
    with pytest.raises(CtkError, match="no climt"):
        build(tmp_path, workers=2).run(quiet)


def test_an_interrupt_leaves_no_child_running(tmp_path, child):
    child.does("    if step in (1, 6): time.sleep(1000)")

    def interrupt(what: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, workers=2).run(interrupt)
    assert os.listdir(child.notes)
    assert not child.alive()


def test_a_build_goes_on_with_what_is_missing(tmp_path, child):
    timeline = moments(10)
    for moment in timeline[:7]:
        for path in files.paths(tmp_path / "out", moment):
            files.write(path, {"state_ps": np.zeros(GRID)}, files.origin(0, "0.31.0"))
    child.does(f"    open(os.path.join({str(tmp_path)!r}, f'step-{{step}}'), 'x')")
    steps: list[int] = []
    build(tmp_path, workers=1).run(lambda what, done, total: steps.append(done))
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-7", "step-8", "step-9"]
    assert steps == [GRID * n for n in (7, 8, 9, 10)]


def test_pairs_of_another_seed_are_made_anew(tmp_path, child):
    for path in files.paths(tmp_path / "out", moments(10)[0]):
        files.write(path, {"state_ps": np.zeros(GRID)}, files.origin(0, "0.31.0"))
    child.does(f"    open(os.path.join({str(tmp_path)!r}, f'step-{{step}}'), 'x')")
    build(tmp_path, seed=1).run(quiet)
    assert (tmp_path / "step-0").exists()


def test_a_folder_with_another_builds_files_is_refused(tmp_path, child):
    stranger = files.paths(tmp_path / "out", moments(20)[1])[0]
    stranger.parent.mkdir(parents=True)
    stranger.touch()
    child.does("    pass")
    with pytest.raises(DataError) as error:
        build(tmp_path).run(quiet)
    assert str(stranger) in error.value.problem
    assert not os.listdir(child.notes)


def test_too_little_room_is_said_before_a_process_starts(tmp_path, child, monkeypatch):
    child.does("    pass")
    monkeypatch.setattr("ctk.files.refusals.shutil.disk_usage", lambda place: Usage())
    with pytest.raises(CtkError, match="Making 3,840 columns of air needs"):
        build(tmp_path).run(quiet)
    assert not os.listdir(child.notes)


class Usage:
    free = 1000
