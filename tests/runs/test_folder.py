"""A run's folder says where it stands, whatever ended it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from ctk.errors import CtkError, UsageError
from ctk.runs import FINISHED, KILLED, RUNNING, Part, Predictions, Run
from ctk.runs.local_leaderboard import leaderboard_row
from ctk.series.ablation import PLAN
from ctk.series.ablation.plan import find_ablation
from ctk.workflow.predictions import combine_folds, reorder


@pytest.fixture
def run(tmp_path):
    made = Run.create(tmp_path, "comp", "name")
    made.write_config({"competition": "comp", "preset": "p", "members": [{"name": "b"}, {"name": "a"}]}, ["x=1"], {})
    return made


def test_two_runs_of_one_second_have_folders_of_their_own(tmp_path):
    assert Run.create(tmp_path, "comp", "name").folder != Run.create(tmp_path, "comp", "name").folder


def test_a_run_whose_process_is_gone_was_killed(run):
    run.set_state(RUNNING)
    assert run.state()["state"] == RUNNING
    code = (
        "import sys, os; from pathlib import Path; from ctk.runs import Run, RUNNING; "
        "Run(Path(sys.argv[1])).set_state(RUNNING); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(run.folder)], timeout=60)
    assert run.state()["state"] == KILLED


def test_where_nothing_can_be_locked_the_state_says_who_is_at_a_run(run, monkeypatch):
    monkeypatch.setattr("ctk.runs.folder.lock", lambda file, wait: False)
    with run.locked():
        run.set_state(RUNNING)
    with run.locked():  # as of this process, which has begun it a moment ago
        pass
    with monkeypatch.context() as another:
        another.setattr("ctk.runs.folder.os.getpid", lambda: 1)
        with pytest.raises(UsageError, match="is being run by another process"), run.locked():
            pass
    run.set_state(FINISHED)
    with run.locked():
        pass


def test_a_run_that_was_killed_for_memory_is_told_so(run, monkeypatch):
    ended = [3]
    monkeypatch.setattr("ctk.runs.folder.ended_for_memory", lambda: ended[0])
    monkeypatch.setattr("ctk.runs.local_leaderboard.ended_for_memory", lambda: ended[0])
    run.set_state(RUNNING)
    monkeypatch.setattr("ctk.runs.folder._alive", lambda pid, started: False)
    assert leaderboard_row(run).problem == "its process ended without a word"
    ended[0] += 2
    assert leaderboard_row(run).problem.startswith("memory may have run out: since it began the system has ended 2 ")


def test_a_run_whose_process_has_ended_was_killed_though_nobody_fetched_the_process(run):
    code = "import sys; from pathlib import Path; from ctk.runs import Run; Run(Path(sys.argv[1])).set_state('running')"
    with subprocess.Popen([sys.executable, "-c", code, str(run.folder)]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert run.state()["state"] == KILLED


def test_a_reused_process_number_is_not_taken_for_the_run(run):
    run.set_state(RUNNING)
    path = run.folder / "state.json"
    path.write_text(path.read_text().replace('"boot": ', '"boot": 1'))
    assert run.state()["state"] == KILLED


def test_state_keeps_when_the_run_began(run):
    run.set_state(RUNNING)
    began = run.state()["started"]
    run.set_state(FINISHED)
    assert run.state()["started"] == began


def test_a_run_is_found_by_folder_and_by_the_end_of_its_name(run, tmp_path):
    assert Run.find(str(run.folder), tmp_path).folder == run.folder
    assert Run.find("name", tmp_path).folder == run.folder
    with pytest.raises(UsageError, match="no run 'other'"):
        Run.find("other", tmp_path)


@pytest.mark.parametrize(("find", "things"), [(Run.find, "runs"), (find_ablation, "ablations")])
def test_what_was_killed_before_it_was_written_what_it_is_to_do_is_told_from_what_is_not_there(tmp_path, find, things):
    begun = Run.create(tmp_path, "toy", "killed").folder
    with pytest.raises(UsageError, match=rf"killed: the folder is none of the {things}\.\n.* begin it anew"):
        find(str(begun), tmp_path)
    with pytest.raises(UsageError, match=r"There is no .* 'other'"):
        find("other", tmp_path)


@pytest.fixture
def three(tmp_path):
    """Runs of two competitions, two of one name, and a root."""
    for name in ("rents/1122-045252-quick", "rents/1123-045253-quick", "sales/1124-101010-quick-lr"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("045252", "1122-045252-quick"),
        ("1123", "1123-045253-quick"),
        ("sales", "1124-101010-quick-lr"),
        ("k-l", "1124-101010-quick-lr"),
        ("rents/1123", "1123-045253-quick"),
    ],
)
def test_any_part_of_a_name_that_no_other_run_has_is_enough(three, text, found):
    assert Run.find(text, three).folder.name == found


@pytest.mark.parametrize("find", [Run.find, find_ablation])
def test_where_two_fit_the_choices_are_listed_by_names_that_can_be_typed(three, find):
    for folder in three.glob("*/*"):
        (folder / PLAN).write_text("")
    with pytest.raises(UsageError, match="'quick' fits 2") as told:
        find("quick", three)
    listed = told.value.help.splitlines()[1:]
    assert sorted(each.strip() for each in listed) == ["rents/1122-045252-quick", "rents/1123-045253-quick"]
    for each in listed:
        assert str(getattr(found := find(each.strip(), three), "folder", found)).endswith(each.strip())


def test_a_part_counts_only_with_its_own_fingerprint(run):
    part = Part("a", 1, 0)
    assert not run.is_fitted(part, "x")
    values = Predictions(np.arange(3), np.zeros((3, 2), np.float32))
    run.write_part(part, "x", values, values, scores={}, seconds=1.0, curve=[], postprocess={})
    assert run.is_fitted(part, "x")
    assert not run.is_fitted(part, "y")
    os.truncate(run.part_folder(part) / "fitted.json", 5)
    assert not run.is_fitted(part, "x")


def test_folds_join_and_their_test_predictions_are_averaged(run):
    test_ids = np.array([10, 11])
    for fold, (ids, level) in enumerate([([2, 0], 1.0), ([1], 3.0)]):
        oof = Predictions(np.array(ids), np.array(ids, np.float32)[:, None])
        run.write_part(Part("a", 1, fold), "x", oof, Predictions(test_ids[::-1], np.array([[0.0], [level]])))
    oof, test = combine_folds(run, run.parts(), test_ids)
    assert reorder(oof, np.arange(3), "a").ravel().tolist() == [0, 1, 2]
    assert test.ravel().tolist() == [2.0, 0.0]


def test_a_single_folds_predictions_are_views_of_the_store(run):
    values = Predictions(np.array([3, 1, 2]), np.arange(6, dtype=np.float32).reshape(3, 2))
    run.write_part(Part("a", 1, 0), "x", values, values)
    oof, test = combine_folds(run, run.parts(), values.ids)
    for mapped in (reorder(oof, values.ids, "a"), test):
        assert isinstance(mapped, np.memmap)
        assert not mapped.flags.writeable
        assert np.array_equal(mapped, values.values)


def test_what_must_be_copied_and_is_large_is_kept_in_a_file(run, monkeypatch, tmp_path):
    monkeypatch.setenv("CTK_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    ids, values = random.permutation(40), random.standard_normal((40, 3)).astype(np.float32)
    for fold in range(2):
        part = Predictions(ids[20 * fold : 20 * fold + 20], values[20 * fold : 20 * fold + 20])
        run.write_part(Part("a", 1, fold), "x", part, Predictions(ids, (fold + 1) * values))
    small = combine_folds(run, run.parts(), np.arange(40))
    monkeypatch.setattr("ctk.data.scratch_array.LARGE", 1)
    monkeypatch.setattr("ctk.workflow.predictions.BLOCK", 10)
    oof, test = combine_folds(run, run.parts(), np.arange(40))
    in_place = reorder(oof, np.arange(40), "a")
    assert all(isinstance(each, np.memmap) for each in (oof.values, test, in_place))
    assert np.array_equal(in_place, values[np.argsort(ids)])
    assert np.array_equal(test, small[1])
    assert np.allclose(test, 1.5 * values[np.argsort(ids)])
    assert list((tmp_path / "cache" / "scratch").iterdir()) == []


def test_predictions_that_cannot_be_read_are_named(run):
    part = Part("a", 1, 0)
    values = Predictions(np.arange(3), np.zeros((3, 2), np.float32))
    run.write_part(part, "x", values, values)
    os.truncate(run.part_folder(part) / "oof" / "values.npy", 70)
    with pytest.raises(CtkError, match=r"a/seed-1/fold-0/oof: there are no predictions that can be read"):
        run.predictions(part, "oof")


def test_a_missing_prediction_is_named():
    with pytest.raises(CtkError, match="mine: there is no prediction for id 5"):
        reorder(Predictions(np.array([1, 2]), np.zeros((2, 1))), np.array([1, 5]), "mine")


def test_parts_come_in_the_order_of_the_config(run):
    values = Predictions(np.arange(1), np.zeros((1, 1)))
    for part in (Part("a", 2, 0), Part("a", 10, 0), Part("b", 1, 0)):
        run.write_part(part, "x", values, values)
    assert [part.key for part in run.parts()] == ["b/seed-1", "a/seed-2", "a/seed-10"]
