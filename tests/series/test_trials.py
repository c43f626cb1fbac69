"""Many runs side by side: told of in their order, gone on with, and none lost with a worker of another."""

import contextlib
import json
import math
import signal
from dataclasses import dataclass, replace

import pytest

from ctk.api import configured
from ctk.contract import Execution
from ctk.errors import Pruned, UsageError
from ctk.plugins import plugins
from ctk.plugins.guard import competition_of
from ctk.runs import Part, Run
from ctk.series.trials import EPOCHS, Trial, read_epochs, run_trial, run_trials
from ctk.testing.distributions import find_anew, lay
from ctk.workflow.prepare import prepare

ROGUE = """
from ctk import hookimpl
@hookimpl
def ctk_register_losses(register):
    register("bad", "rogue_loss:Bad")
"""
BAD = """
import os, torch
class Bad(torch.nn.Module):
    def forward(self, prediction, batch): return {how}
"""
NETWORK = {"model": "toy-network", "loss": "toy-squared-error", "batch": {"size": 16}, "epochs": 3}


@pytest.fixture
def trial(ctk_home, toy):
    """``trial("a", hidden=4)``: a trial of the toy competition in the folder "a"."""

    def make(name, watch=None, **member):
        config, _ = configured("toy-regression", config={"members": [NETWORK | member], "trackers": []})
        return Trial(ctk_home.work / "search" / name, config, (name,), watch)

    return make


@pytest.fixture
def toy(tmp_plugin):
    """The toy competition, installed; returns how to install a loss "bad" beside it."""

    def install(source):
        folder = tmp_plugin("rogue", ROGUE)
        (folder / "rogue_loss.py").write_text(source)

    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()
    return install


def serial(workers=1):
    return Execution(name="serial", workers=workers, threads=1)


@dataclass
class PrunedAt:
    """A watch that ends a trial at an epoch and writes down what it was told."""

    epoch: int
    path: str

    def __call__(self, part, done, total, scores):
        with open(self.path, "a") as file:
            file.write(json.dumps([part.key, done, total, sorted(scores)]) + "\n")
        if done == self.epoch:
            raise Pruned(f"after epoch {done}")


def test_a_trial_is_a_run_with_a_folder_and_a_score(trial):
    outcome = run_trial(trial("a"))
    assert outcome.state == "finished", outcome.problem
    assert outcome.score == outcome.scores[Run(outcome.folder).scores()["metric"]]
    assert (outcome.folder / "submission.csv").exists()
    assert (outcome.folder / "report.html").exists()


def test_a_finished_trial_is_not_made_again(trial):
    first = run_trial(trial("a"))
    made = (first.folder / "submission.csv").stat().st_mtime_ns
    again = run_trial(trial("a"))
    assert (again.state, again.score) == (first.state, first.score)
    assert (first.folder / "submission.csv").stat().st_mtime_ns == made
    state = Run(first.folder).state()
    assert again.seconds >= state["changed"] - state["started"]


def test_a_trial_of_a_version_with_fewer_options_is_the_same_trial(trial):
    made = trial("a")
    outcome = run_trial(made)
    path = made.folder / "config.yaml"
    text = path.read_text()
    path.write_text(text.replace("  gap: 0\n", "").replace("  valid_loss: false\n", ""))
    assert path.read_text().count("\n") == text.count("\n") - 2
    again = run_trial(made)
    assert (again.state, again.score) == ("finished", outcome.score), again.problem


def test_another_config_in_the_same_folder_is_refused(trial):
    run_trial(trial("a"))
    outcome = run_trial(trial("a", epochs=2))
    assert outcome.state == "failed"
    assert "another config" in outcome.problem


def test_a_watch_hears_of_every_epoch_and_may_prune(trial, ctk_home):
    heard = ctk_home.work / "heard.txt"
    outcome = run_trial(trial("a", PrunedAt(2, str(heard))))
    assert (outcome.state, outcome.problem.endswith("after epoch 2")) == ("pruned", True)
    assert math.isnan(outcome.score)
    assert Run(outcome.folder).state()["state"] == "pruned"
    told = [json.loads(line) for line in heard.read_text().splitlines()]
    assert [(part, done, total) for part, done, total, _ in told] == [("toy-network/seed-1", n, 3) for n in (1, 2)]
    # What was pruned stays pruned, without another look at it.
    assert run_trial(trial("a")).state == "pruned"


@dataclass
class Raising:
    """Ctrl-C at an epoch, as a killed worker would be gone then."""

    epoch: int

    def __call__(self, part, done, total, scores):
        if done == self.epoch:
            signal.raise_signal(signal.SIGINT)


def test_a_watch_hears_of_every_epoch_once_also_across_a_kill(trial, ctk_home):
    with pytest.raises(KeyboardInterrupt):
        run_trial(trial("a", Raising(2)))
    with (ctk_home.work / "search/a" / EPOCHS).open("a") as file:
        file.write('[["toy-network", 1')  # half a line, as a kill leaves it
    heard = ctk_home.work / "heard.txt"
    outcome = run_trial(trial("a", PrunedAt(9, str(heard))))
    assert outcome.state == "finished", outcome.problem
    assert [json.loads(line)[1] for line in heard.read_text().splitlines()] == [1, 2, 3]
    assert [(epoch.part.key, epoch.done) for epoch in read_epochs(outcome.folder)] == [
        ("toy-network/seed-1", number) for number in (1, 2, 3)
    ]


def test_half_a_line_that_is_all_there_is_does_not_spoil_the_next(trial, ctk_home):
    with pytest.raises(KeyboardInterrupt):
        run_trial(trial("a", Raising(1)))
    (ctk_home.work / "search/a" / EPOCHS).write_text('[["toy-network", 1')
    outcome = run_trial(trial("a"))
    assert outcome.state == "finished", outcome.problem
    assert [epoch.done for epoch in read_epochs(outcome.folder)] == [1, 2, 3]


def test_outcomes_come_in_the_order_of_trials_and_none_is_asked_for_early(trial, ctk_home):
    asked, told = [], []

    def propose():
        for number in range(6):
            asked.append(number)
            assert len(told) >= number - 3, "two workers take up to four trials"
            yield trial(f"trial-{number}", epochs=3 - number % 2)

    with contextlib.closing(run_trials(propose(), serial(2), ctk_home.work)) as outcomes:
        for each, outcome in outcomes:
            assert outcome.state == "finished", outcome.problem
            told.append(each.folder.name)
    assert told == [f"trial-{number}" for number in range(6)]
    assert asked == [0, 1, 2, 3, 4, 5]


def test_a_trial_that_fails_says_why_and_the_next_ones_go_on(trial, ctk_home, toy):
    toy(BAD.format(how="1 / 0"))
    made = [trial("bad", loss="bad"), trial("good")]
    outcomes = [outcome for _, outcome in run_trials(made, serial(), ctk_home.work)]
    assert [outcome.state for outcome in outcomes] == ["failed", "finished"]
    assert "ZeroDivisionError" in outcomes[0].problem
    assert "--resume" not in outcomes[0].problem  # a trial is gone on with by what it is part of


def test_a_trial_can_be_made_where_the_drivers_folders_are_not(trial, tmp_path):
    here = trial("here")
    prepared = prepare(here.config, competition_of(here.config.competition), plugins())
    carried = replace(trial("carried"), prepared=prepared)

    def to(path):
        return tmp_path / "node" / path.relative_to(path.anchor)

    files = carried.files()
    (arrays,) = files.constant
    to(arrays).parent.mkdir(parents=True)
    arrays.rename(to(arrays))
    outcome = run_trial(carried.with_paths(to))
    assert not arrays.exists()
    assert not files.writes.exists()
    assert outcome.scores == run_trial(here).scores
    assert Run(to(files.writes)).state()["state"] == "finished"


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_own_trial_alone(trial, ctk_home, toy):
    toy(BAD.format(how="os._exit(7)"))
    made = [trial("first"), trial("bad", loss="bad"), trial("third"), trial("fourth", epochs=2)]
    local = Execution(name="local", workers=2, threads=1)
    found = [(each.folder.name, outcome) for each, outcome in run_trials(made, local, ctk_home.work)]
    assert [name for name, _ in found] == ["first", "bad", "third", "fourth"]
    assert [outcome.state for _, outcome in found] == ["finished", "failed", "finished", "finished"]
    assert "exit code 7 while the loss 'bad' of plugin" in found[1][1].problem
    assert found[1][1].seconds > 0


def test_configured_says_the_same_as_a_run(ctk_home, toy):
    config, assigned = configured("toy-regression", overrides=["seeds=[3]"])
    assert config.seeds == (3,)
    assert assigned == ["seeds=[3]"]
    with pytest.raises(UsageError, match="unknown key"):
        configured("toy-regression", overrides=["sseeds=[3]"])


def test_overrides_leave_the_config_that_they_are_laid_over_as_it_was(ctk_home, toy):
    given = {"members": [dict(NETWORK)]}
    configured("toy-regression", config=given, overrides=["members.0.epochs=7"])
    assert given == {"members": [NETWORK]}


@pytest.mark.parametrize(
    "line", ["", "{", "[1]", '[["a", 1, 0], "two", 2, {}]', '[["a", 1, 0], 2, 2, {"b": "c"}]', "[" * 99_999]
)
def test_epochs_are_read_as_far_as_they_are_whole(tmp_path, line):
    (tmp_path / EPOCHS).write_text(f'[["a", 1, 0], 1, 2, {{"b": 0.5}}]\n{line}\n')
    assert read_epochs(tmp_path) == [(Part("a", 1, 0), 1, 2, {"b": 0.5})]


def test_a_finished_trial_whose_scores_were_damaged_is_ended_once_more(trial):
    first = run_trial(trial("a"))
    (first.folder / "scores.json").write_text("")
    again = run_trial(trial("a"))
    assert (again.state, again.score) == (first.state, first.score)
