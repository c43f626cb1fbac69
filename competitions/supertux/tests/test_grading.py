"""The grader: the course's points for anyone's bundle, whatever a stranger's code does."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch
from competitions.supertux.tests.bundle_fixtures import (
    clip_network,
    member,
    samples,
    vlm_network,
    write_base,
    write_homework,
)

from ctk.errors import DataError
from ctk.plugins.guard import competition_of
from ctk.training import text_codes, texts_of
from ctk_supertux.bundle import writing
from ctk_supertux.grading import CASES, GraderLimits, grade, points

STUB = """
import json
from pathlib import Path
from types import SimpleNamespace
from . import data
class Net:
    def __init__(self, count): self.count = count
    def eval(self): return self
    def parameters(self): return [SimpleNamespace(numel=lambda: self.count)]
    def to(self, device): return self
def load_vlm():
    VLM
    return SimpleNamespace(model=Net(VLM_COUNT))
def load_clip():
    CLIP
    return SimpleNamespace(model=Net(1))
"""
DATA = """
import json
from pathlib import Path
from types import SimpleNamespace
HERE = Path(__file__).parent.parent / "data"
def VQADataset(split): return json.loads((HERE / split / "balanced_qa_pairs.json").read_text())
def MultiChoiceQADataset(split): return json.loads((HERE / split / "all_mc_qas.json").read_text())
def benchmark(model, dataset, most): return SimpleNamespace(accuracy=0.35 if len(dataset) == 4 and most == 128 else 0)
"""


@pytest.fixture(scope="module")
def truth(tmp_path_factory) -> Path:
    """A homework folder; nobody writes to it."""
    folder = tmp_path_factory.mktemp("truth")
    write_homework(folder, ["tux"] * 4, [0] * 4)
    return folder


@pytest.fixture
def stub(tmp_path):
    """A stranger's bundle that does something while a part is loaded."""

    def stub(vlm: str = "pass", clip: str = "pass", count: int = 7, code: str = STUB) -> Path:
        folder = tmp_path / "homework"
        folder.mkdir(exist_ok=True)
        code = code.replace("VLM_COUNT", str(count)).replace("VLM\n", f"{vlm}\n").replace("CLIP\n", f"{clip}\n")
        (folder / "__init__.py").write_text(code)
        (folder / "data.py").write_text(DATA)
        return folder

    return stub


def faults(graded) -> list[str]:
    return [line.strip() for line in graded.lines if line.startswith("  ")]


@pytest.mark.parametrize(
    ("case", "accuracy", "expected"),
    [
        ("vlm", 0.0, 0), ("vlm", 0.49, 35), ("vlm", 0.7, 50), ("vlm", 0.9, 50), ("vlm", 0.006, 0), ("vlm", 0.007, 1),
        ("clip", 0.1, 0), ("clip", 0.2, 0), ("clip", 0.45, 25), ("clip", 0.7, 50), ("clip", 0.8, 50),
        ("clip", 0.825, 52), ("clip", 0.85, 55), ("clip", 1.0, 55),
    ],
)  # fmt: skip
def test_points_are_the_courses_to_the_last_bit(case, accuracy, expected):
    assert points(CASES[case], accuracy) == expected


@pytest.mark.slow
def test_a_bundle_of_ours_gets_the_points_of_what_was_fitted(tmp_path, once, monkeypatch):
    base = once("bundle-base", write_base)
    answers, choices = vlm_network(base, max_new_tokens=4), clip_network(base)
    given = samples()
    pictures = torch.from_numpy(given.features["image"])
    said = texts_of(answers(pictures, text_codes(given.features["question"]))).tolist()
    with torch.no_grad():
        chosen = choices(pictures, text_codes(given.features["candidates"])).argmax(-1).tolist()
    write_homework(
        tmp_path / "data", [said[0][:2], "something else", *said[2:]], [*chosen[:2], 1 - chosen[2], chosen[3]]
    )
    monkeypatch.setattr(writing, "fitted_members", lambda run: [member(choices, "towers/seed-1")])
    competition = competition_of("tux-vlm")
    own = member(answers, max_new_tokens=4)
    competition.write_bundle(tmp_path / "submission.zip", [own], given, {"clip": "a run"})
    graded = competition.score_file(tmp_path / "submission.zip", tmp_path / "data")
    assert graded["vlm-accuracy"] == graded["clip-accuracy"] == 0.75
    # 0.75 is over the VLM's 0.70; of the CLIP it is full marks, and no extra credit yet.
    assert (graded["points"], graded["vlm-points"], graded["clip-points"]) == (100, 50, 50)
    assert graded["vlm-parameters"] == sum(each.numel() for each in answers.model.parameters())
    assert graded.lines[-1].split() == ["total", "[", "100", "/", "100", "]"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data", "submission.zip"]


def test_each_case_stands_alone_and_sys_exit_ends_no_grader(stub, truth):
    graded = grade(stub(clip="import sys; sys.exit(3)"), truth, GraderLimits())
    assert (graded["vlm-points"], graded["clip-points"], graded["points"]) == (25, 0, 25)
    assert faults(graded) == ["called sys.exit(3)"]
    graded = grade(
        stub(vlm="import os; os._exit(4)", clip="raise LookupError('no' + chr(10) + 'weights')"), truth, GraderLimits()
    )
    assert graded["points"] == 0
    assert faults(graded)[0].startswith("ended its process with status 4")
    assert faults(graded)[1] == "LookupError: no weights (homework/__init__.py, line 15)"


def test_time_and_parameters_are_limited(stub, truth):
    path = stub(vlm="import time; time.sleep(60)", clip="while True: pass")
    graded = grade(path, truth, GraderLimits(seconds=0.5))
    assert faults(graded) == ["its case took more than the 0.5 s that are allowed"] * 2
    assert 0.5 <= graded["vlm-seconds"] < 30
    graded = grade(stub(count=300_000_001), truth / "valid_grader" / "balanced_qa_pairs.json", GraderLimits())
    assert "has 300,000,001 parameters, and at most 300,000,000 are allowed" in faults(graded)[0]
    assert "clip-points" not in graded
    graded = grade(stub(count=300_000_000), truth / "valid_grader" / "balanced_qa_pairs.json", GraderLimits())
    assert graded["points"] == 25


def test_nothing_is_written_outside_nothing_fetched_and_no_process_started(stub, truth, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    inside = "Path('own.txt').write_text('x'); Path.home().joinpath('y').mkdir()"
    tries = {
        f"open({str(outside / 'new')!r}, 'w')": "may not write",
        f"__import__('os').open({str(outside / 'new')!r}, 65)": "may not write",
        f"Path({str(outside / 'kept')!r}).unlink()": "may not change",
        f"Path({str(outside / 'kept')!r}).rename('here')": "may not change",
        "(data.HERE / 'valid' / 'new').write_text('x')": "may not write",
        "__import__('socket').create_connection(('127.0.0.1', 9))": "may not reach the network",
        "__import__('subprocess').run(['true'])": "may not start another process",
        "__import__('os').system('true')": "may not start another process",
        "__import__('os').fork()": "may not start another process",
    }
    each = "".join(
        f"    try: {code}\n    except PermissionError as error: told.append(str(error)[:24])\n" for code in tries
    )
    code = STUB.replace("    VLM\n", f"    {inside}\n    told = []\n{each}    raise ValueError(chr(124).join(told))\n")
    graded = grade(stub(code=code), truth / "valid_grader" / "balanced_qa_pairs.json", GraderLimits())
    told = faults(graded)[0].removeprefix("ValueError: ").partition(" (homework")[0].split("|")
    assert len(told) == len(tries), told
    for said, expected in zip(told, tries.values(), strict=True):
        assert said[:13] == expected[:13]
    assert [each.name for each in outside.iterdir()] == ["kept"]
    assert sorted(each.name for each in truth.iterdir()) == ["train", "valid", "valid_grader"]


def test_what_a_grader_would_not_unpack_or_import_has_no_points(stub, truth, tmp_path):
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("homework/__init__.py", "")
        archive.writestr("more/x", "")
    graded = grade(tmp_path / "s.zip", truth, GraderLimits())
    assert graded["points"] == 0
    assert (
        faults(graded)
        == [f"{tmp_path}/s.zip: has homework, more at its top, and the one folder homework/ belongs there."] * 2
    )
    graded = grade(stub(code="import nowhere"), truth, GraderLimits())
    assert graded["points"] == 0
    assert faults(graded)[0].startswith("cannot be imported: ModuleNotFoundError: No module named 'nowhere'")
    assert any("beside that: homework/__init__.py: has no load_vlm" in line for line in graded.lines)


def test_a_pickle_that_runs_code_is_not_opened(stub, truth, tmp_path):
    evil = "import torch, pickle; pickle.dump(Path('x'), open('x.pt', 'wb')); torch.load('x.pt', weights_only=False)"
    graded = grade(stub(vlm=evil), truth / "valid_grader" / "balanced_qa_pairs.json", GraderLimits())
    assert "UnpicklingError" in faults(graded)[0]


def test_a_truth_that_has_nothing_graded_is_told(stub, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"has no valid_grader/balanced_qa_pairs\.json and no valid_grader/all_mc_qas"):
        grade(stub(), tmp_path / "empty", GraderLimits())


def test_the_command_line_prints_the_points_and_takes_the_time(stub, truth, ctk):
    path = truth / "valid_grader" / "balanced_qa_pairs.json"
    said = ctk("score", "tux-clip", stub(), "--truth", path, "-oseconds=9", code=0).stdout
    assert "Test the answer accuracy                 [ PASSED ]  [  25 / 50 ]" in said
    assert json.loads(ctk("score", "tux-vlm", stub(), "--truth", path, "--json", code=0).stdout)["points"] == 25
    assert "unknown key 'second'" in ctk("score", "tux-vlm", stub(), "--truth", path, "-osecond=9", code=2).stderr
