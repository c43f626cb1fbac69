"""A run with a time limit ends in time with a valid submission, and says what it left out or cut short."""

import json
import shutil
import signal
import time

import numpy as np
import pytest

from ctk import api
from ctk.contract.fit_limit import seconds_of
from ctk.errors import CtkError, OutOfTime, UsageError
from ctk.files import read_json
from ctk.runs import FINISHED, Run
from ctk.testing import toy
from ctk.testing.distributions import find_anew, lay
from ctk.workflow import fit_clock
from ctk.workflow.collect_results import report_results
from ctk.workflow.fit_clock import FitTime

SLOW = '''
"""Models whose fits take as many seconds as they are told, by a clock that stands still else."""

import numpy as np

from ctk import hookimpl
from ctk.contract import Model
from ctk.workflow import fit_clock
from ctk.workflow.collect_results import report_results
from ctk.workflow.fit_clock import FitTime


@hookimpl
def ctk_register_models(register):
    register("slow", "ctk_plugins.slow:Slow")


def spend(seconds):
    fit_clock.now.seconds += seconds


class Slow(Model):
    """Predicts a number: how many of its steps it took. ``asks``: whether it ends early where it is told to."""

    def __init__(self, *, steps: int = 10, seconds: float = 1.0, asks: bool = True, killed: int = -1) -> None:
        self.steps, self.seconds, self.asks, self.killed = steps, seconds, asks, killed

    def fit(self, train, valid, context):
        fits = context.folder.parents[4] / "fits.txt"
        with fits.open("a") as file:
            print(context.folder.parents[2].name, context.folder.parents[1].name, context.folder.parent.name, file=file)
        self.done, self.width = 0, train.target_width
        for step in range(self.steps):
            if len(fits.read_text().splitlines()) >= self.killed > 0:
                raise RuntimeError
            spend(self.seconds)
            self.done = step + 1
            context.progress(self.done, self.steps, {})
            if self.asks and context.limit is not None and context.limit.is_up():
                break

    def predict(self, samples):
        return np.full((len(samples), self.width), self.done, np.float32)

    def save(self, folder):
        (folder / "done.txt").write_text(f"{self.done} {self.width}")

    def load(self, folder, samples, device="auto"):
        self.done, self.width = map(int, (folder / "done.txt").read_text().split())
'''
ALWAYS = ["executor.name=serial", "executor.threads=1", "trackers=[]", "split={by: block, folds: 4, use: 4}"]


class Clock:
    """A clock that stands still, but for what models spend."""

    seconds = 1_000_000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock(monkeypatch, ctk_home, tmp_plugin):
    """The toy competitions and the slow model, whose clock stands still."""
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    (ctk_home.work / "ctk_plugins").mkdir()
    (ctk_home.work / "ctk_plugins" / "slow.py").write_text(SLOW)
    find_anew()
    clock = Clock()
    monkeypatch.setattr(fit_clock, "now", clock)
    monkeypatch.setattr("ctk.workflow.run.report_results", lambda results, competition: None)  # which takes longest
    return clock


@pytest.fixture
def page(clock, monkeypatch):
    """Lets runs make their page."""
    monkeypatch.setattr("ctk.workflow.run.report_results", report_results)


def slow(name, seconds, **keys):
    return {"model": {"name": "slow", "seconds": seconds, **keys.pop("model", {})}, "name": name, **keys}


def run(limit, *members, overrides=(), **how):
    return api.run(
        "toy-regression",
        config={"members": list(members), "blend": "mean"},
        overrides=[*ALWAYS, *([f"time_limit={limit}"] if limit else []), *overrides],
        name="mine",
        **how,
    )


def said(results):
    return "\n".join(results.limited)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400), ("1d1s", 86401), ("0s", 0)]
)
def test_a_duration_has_units(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "m", "10 bananas", "30s1m", "-5m", "1e3s", "nan", "ten minutes"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="a duration is a number with its unit, such as 90s, 10m or 1h30m"):
        seconds_of(text)


@pytest.mark.parametrize(("value", "says"), [("soon", "number with its unit"), ("90", "90s or 90m"), ("true", "unit")])
def test_a_config_without_a_duration_is_refused_in_a_sentence(clock, value, says):
    with pytest.raises(UsageError, match=f"Config key 'time_limit'.*{says}"):
        run(value, slow("one", 1))


def oof_of(run):
    return {part: run.predictions(part, "oof").values.copy() for part in run.parts()}


def fits_of(folder):
    return (folder / "fits.txt").read_text().splitlines()


def interrupted(limit, *members, **how):
    """Make a run that ends in the midst of a fit, and return its folder."""
    with pytest.raises(CtkError, match="failed while fitting"):
        run(limit, *members, **how)
    (folder,) = (api.runs_root() / "toy-regression").iterdir()
    return folder


def test_a_member_after_the_deadline_is_left_out_and_said(clock, page):
    began = clock.seconds
    results = run("2m", slow("one", 1), slow("two", 5))
    assert list(results.members) == ["one/seed-1"]
    assert "The time limit of 2m left 1 of 2 members out." in said(results)
    assert "two/seed-1 was left out: it came 40% of its way in the 0:17 that it had." in said(results)
    assert clock.seconds <= began + 120
    run_of = Run(results.folder)
    assert run_of.state()["state"] == FINISHED
    page, log = ((results.folder / name).read_text() for name in ("report.html", "log.txt"))
    for sentence in results.limited:
        assert sentence in log
        assert sentence in page
    assert "used" in log.splitlines()[-1]


def test_what_fits_in_the_time_is_to_the_bit_what_there_is_without_a_limit(clock):
    members = [slow("one", 1), slow("two", 1), {"model": "ridge"}]
    whole = run(None, *members)
    limited = run("1h", *members)
    assert not limited.limited
    for mine, theirs in ((whole.oof, limited.oof), ({"": whole.submitted}, {"": limited.submitted})):
        assert all(np.array_equal(mine[key], theirs[key]) for key in mine)
    facts = [Run(each.folder).facts(Run(each.folder).parts()[0]) for each in (whole, limited)]
    assert ["timed" in each for each in facts] == [False, True]
    assert facts[0]["fingerprint"] == facts[1]["fingerprint"]


def test_the_first_member_is_cut_short_in_each_fold_and_without_a_limit_fitted_anew(clock):
    began = clock.seconds
    results = run("2m", slow("one", 10))
    assert clock.seconds <= began + 120
    assert all((values == 3).all() for values in oof_of(Run(results.folder)).values())
    assert "one/seed-1 was cut short by the time limit in 4 of 4 folds, after 30% of the way" in said(results)
    assert "fitted again it will not be the same" in said(results)
    assert len(fits_of(results.folder)) == 4
    again = api.resume("mine", overrides=["time_limit=5m"])  # what is cut short counts as it is
    assert len(fits_of(results.folder)) == 4
    assert "was cut short" in said(again)
    whole = api.resume("mine", overrides=["time_limit=null"])
    assert len(fits_of(results.folder)) == 8
    assert whole.limited == ()
    assert all((values == 10).all() for values in oof_of(Run(results.folder)).values())


def test_a_fit_that_was_cut_short_and_killed_before_it_was_stored_begins_anew(clock):
    results = run("2m", slow("one", 10))
    store = Run(results.folder)
    part = store.parts()[0]
    (store.part_folder(part) / "fitted.json").unlink()
    assert read_json(store.part_folder(part) / "begun.json", str).endswith("-cut")
    (store.checkpoints_folder(part) / "half").touch()
    api.resume("mine", overrides=["time_limit=1h"])
    assert not (store.checkpoints_folder(part) / "half").exists()
    assert (store.predictions(part, "oof").values == 10).all()


def test_a_member_whose_time_is_known_is_not_begun_in_vain(clock):
    results = run("1m", slow("one", 1), overrides=["seeds=[1, 2]"])
    assert list(results.members) == ["one/seed-1"]
    assert "one/seed-2 was left out: it takes 0:40 more, and 0:16 were left." in said(results)
    assert len(fits_of(results.folder)) == 4


def test_a_member_is_passed_over_for_one_that_is_done_in_time(clock):
    results = run("2m", slow("one", 1), slow("hopeless", 100, model={"asks": False}), slow("two", 0.1))
    assert list(results.members) == ["one/seed-1"]
    results = run("1h", slow("one", 1), slow("hopeless", 1000, model={"asks": False}), slow("two", 0.1))
    assert list(results.members) == ["one/seed-1", "two/seed-1"]
    assert "hopeless/seed-1 was left out: at its pace it takes 2:46:40, and it had 13:04." in said(results)


def test_every_first_seed_comes_before_the_second_ones(clock):
    results = run("1h", slow("one", 1), slow("two", 1), overrides=["seeds=[1, 2]", "split.use=1"])
    assert [line.rsplit(" ", 1)[0] for line in fits_of(results.folder)] == [
        *("one seed-1", "two seed-1"),
        *("one seed-2", "two seed-2"),
    ]
    assert list(results.members) == ["one/seed-1", "one/seed-2", "two/seed-1", "two/seed-2"]


def test_a_killed_run_has_a_submission_of_the_members_that_were_done(clock):
    folder = interrupted("1h", slow("one", 1), slow("two", 1, model={"killed": 7}))
    assert read_json(folder / "submission.json", dict)["valid"]
    assert json.loads((folder / "blend.json").read_text())["weights"] == {"one/seed-1": 1.0}
    written = np.loadtxt(folder / "submission.csv", delimiter=",", skiprows=1)
    assert (written[:, 1:] == 10).all()
    results = api.resume("mine", overrides=["time_limit=0s"])
    assert list(results.members) == ["one/seed-1"]
    assert "two/seed-1 was left out: no time was left for it; 2 of 4 folds were done." in said(results)
    assert {part.member for part in Run(folder).parts()} == {"one"}  # so that nobody blends two folds of the other
    assert results.folds is not None
    # What was set aside counts again where there is time.
    (folder / "fits.txt").write_text("")
    whole = api.resume("mine", overrides=["time_limit=null"])
    assert list(whole.members) == ["one/seed-1", "two/seed-1"]
    assert len(Run(folder).parts()) == 8
    assert len(fits_of(folder)) == 2


def test_where_no_member_has_all_folds_the_one_with_most_is_submitted_by_these(clock, page):
    folder = interrupted("1h", slow("one", 1, model={"killed": 3}), slow("two", 1))
    results = api.resume("mine", overrides=["time_limit=0s"])
    assert list(results.members) == ["one/seed-1"]
    assert "one/seed-1 has 2 of 4 folds, as no member has them all" in said(results)
    assert "two/seed-1 was left out: no time was left for it." in said(results)
    known = np.concatenate([Run(folder).predictions(part, "oof").ids for part in Run(folder).parts()])
    assert sorted(results.valid.ids) == sorted(known)
    assert (results.submitted == 10).all()
    assert np.isnan(results.folds.scores["one/seed-1"][2:]).all()
    saved = api.run("toy-regression", checkpoints=folder, overrides=ALWAYS[:2])
    assert np.array_equal(saved.submitted, results.submitted)


@pytest.mark.parametrize("competition", ["toy-regression", "toy-retrieval"])
def test_where_no_fit_was_done_the_mean_of_the_targets_is_submitted(clock, page, competition):
    member = {"members": [slow("one", 1, model={"killed": 1})]}
    with pytest.raises(CtkError, match="failed while fitting"):
        api.run(competition, config=member, overrides=[*ALWAYS, "blend=hill-climb"], name="mine")
    results = api.resume("mine", overrides=["time_limit=0s"])
    assert list(results.members) == ["constant"]
    train = results.valid  # every row is validated
    middle = train.target_values().mean(0)
    assert np.allclose(results.submitted, middle, atol=1e-6)
    if competition == "toy-regression":
        group = train.group("block")
        own = group == group[0]
        assert len(np.unique(results.oof["constant"][own], axis=0)) == 1
        assert not np.allclose(results.oof["constant"][0], middle, atol=1e-6)  # of other folds' rows alone
    assert "what is submitted is the mean of the training targets" in said(results)
    with pytest.raises(UsageError, match="its time limit left all of them out"):
        api.run(competition, checkpoints=results.folder)


def test_of_words_the_commonest_is_submitted_where_no_fit_was_done(clock):
    member = {"model": "toy-text-network", "loss": "own", "epochs": 3}
    results = api.run("toy-text", config={"members": [member]}, overrides=[*ALWAYS, "time_limit=0.000001s"])
    words, counts = np.unique(results.valid.target, return_counts=True)
    assert set(results.submitted.tolist()) == {words[counts.argmax()]}


def test_a_member_that_asks_one_that_was_left_out_is_left_out_too(clock):
    ridge = {"model": "ridge", "name": "top", "uses": ["two"]}
    results = run("2m", slow("one", 1), slow("two", 5), ridge)
    assert list(results.members) == ["one/seed-1"]
    assert "top/seed-1 was left out: it asks two/seed-1, which is not fitted." in said(results)


def test_a_member_that_asks_one_that_was_cut_short_is_fitted_anew_with_it(clock):
    members = [slow("one", 0.4, model={"steps": 100}), {"model": "ridge", "name": "top", "uses": ["one"]}]
    results = run("1m", *members)
    assert "one/seed-1 was cut short" in said(results)
    assert "top/seed-1 was cut short by the time limit in 4 of 4 folds, by way of one" in said(results)
    before = oof_of(Run(results.folder))
    whole = api.resume("mine", overrides=["time_limit=null"])
    assert whole.limited == ()
    unlimited = run(None, *members)
    assert all(np.array_equal(whole.oof[key], unlimited.oof[key]) for key in unlimited.oof)
    assert any((before[part] != values).any() for part, values in oof_of(Run(whole.folder)).items())


def test_blends_are_made_of_what_is_there(clock):
    blends = {"first": {"name": "mean", "members": ["two"]}, "second": {"name": "mean", "members": ["one", "two"]}}
    results = api.run(
        "toy-regression",
        config={"members": [slow("one", 1), slow("two", 5)], "blends": blends},
        overrides=[*ALWAYS, "time_limit=2m", "blend={name: mean, weights: [0.25, 0.75]}"],
        name="mine",
    )
    assert results.blend.weights == {"one/seed-1": 1.0}
    assert list(results.blends) == ["second"]
    assert "2 weights for 1 members" in (results.folder / "log.txt").read_text()
    saved = api.run("toy-regression", checkpoints=results.folder, overrides=ALWAYS[:2])
    assert np.array_equal(saved.submitted, results.submitted)


def test_weights_that_are_not_found_in_time_are_equal_ones(clock, monkeypatch):
    monkeypatch.setattr("ctk.components.hill_climbs.HillClimb.fit", lambda *given: time.sleep(60))
    for name in ("end_of_blend", "end_of_blend_so_far"):
        monkeypatch.setattr(f"ctk.workflow.fit_schedule.RunClock.{name}", property(lambda self: clock.seconds + 0.01))
    results = run("1h", slow("one", 1), slow("two", 1), overrides=["blend=hill-climb"])
    assert results.blend.weights == {"one/seed-1": 0.5, "two/seed-1": 0.5}
    assert "The blender 'hill-climb' was not done in time" in (results.folder / "log.txt").read_text()


def test_a_baseline_is_submitted_where_nothing_else_was_done(clock):
    results = run("2m", slow("shown", 1, blend=False), slow("two", 50))
    assert results.blend.weights == {"shown/seed-1": 1.0}


def test_a_new_run_has_some_time(clock):
    with pytest.raises(UsageError, match="in no time nothing is fitted"):
        run("0s", slow("one", 1))
    with pytest.raises(UsageError, match="in no time nothing is fitted"):
        run("0", slow("one", 1))


def test_a_dry_run_has_no_limit(clock):
    assert not run("1s", slow("one", 1), dry_run=True).limited


@pytest.mark.parametrize("needed", [True, False])
def test_a_fit_that_does_not_ask_is_given_up(needed):
    with pytest.raises(OutOfTime), fit_clock.given_up_in_time(FitTime(0, time.time() + 0.05, needed)):
        time.sleep(60)
    with fit_clock.given_up_in_time(FitTime(0, time.time() + 60, needed)):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_fit_that_is_told_twice_tells_the_least_that_it_came(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(fit_clock, "now", clock)
    marks = []
    fit = fit_clock.FitClock(FitTime(clock.seconds + 100, clock.seconds + 200, needed=True), lambda: marks.append(1))
    fit.hear(3, 10)
    clock.seconds += 49
    assert not fit.is_up(0.5)
    assert fit.is_up(0.5, ahead=2)
    fit.hear(9, 10)
    clock.seconds += 60
    assert fit.is_up()
    assert marks == [1]
    assert fit.facts([]) == {"cut": True, "share": 0.6, "asked": [], "storing": 109}


STUCK = '''
"""A model whose fit never ends: no signal reaches it, as code that is not Python's own."""

import signal
import time
from pathlib import Path

from ctk import hookimpl
from ctk.components.ridge import Ridge


@hookimpl
def ctk_register_models(register):
    register("stuck", "ctk_plugins.stuck:Stuck")


class Stuck(Ridge):
    def fit(self, train, valid, context):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        Path("stuck").touch()
        time.sleep(3600)
'''


@pytest.fixture
def work(ctk_home):
    """The current folder, with the toy competition and a model that is stuck as one-file plugins."""
    plugins = ctk_home.work / "ctk_plugins"
    plugins.mkdir()
    shutil.copy(toy.__file__, plugins / "toy.py")
    (plugins / "stuck.py").write_text(STUCK)
    return ctk_home.work


@pytest.mark.slow
def test_a_fit_that_nothing_ends_is_ended_with_its_worker(ctk, work, monkeypatch):
    monkeypatch.setattr(fit_clock, "now", lambda: time.time() + 7200 * (work / "stuck").exists())
    line = ("run", "toy-regression", "-omembers=[{model: stuck}]", "-otrackers=[]", "-otime_limit=1h")
    printed = ctk(*line, "-oexecutor={name: local, workers: 1, threads: 1}", code=0).stdout
    assert "stuck/seed-1 was left out: it did not end in time." in printed
    assert "No fit was done in that time" in printed


@pytest.mark.slow
def test_a_run_that_kill_9_ends_has_a_valid_submission(ctk, ctk_process, work, ctk_home):
    members = "-omembers=[{model: ridge}, {model: stuck}]"
    line = ("run", "toy-regression", members, "-otrackers=[]", "-oexecutor={name: local, workers: 1, threads: 1}")
    process = ctk_process.start(*line, "-otime_limit=1h", "--name", "mine")
    deadline = time.monotonic() + 300
    while not (work / "stuck").exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    (folder,) = ctk_home.runs.glob("toy-regression/*-mine")
    assert Run(folder).state()["state"] == "killed"
    ctk("validate", "toy-regression", folder / "submission.csv", code=0)
    before = (folder / "submission.csv").read_bytes()
    printed = ctk("run", "toy-regression", "--resume", folder, "-otime_limit=0s", code=0).stdout
    assert "stuck/seed-1 was left out: no time was left for it." in printed
    assert (folder / "submission.csv").read_bytes() == before
    assert (folder / "report.html").exists()
