"""A run with a time limit ends in time with a valid submission, and says what it left out or cut short."""

import pytest

from ctk import api
from ctk.contract.fit_limit import seconds_of
from ctk.errors import UsageError
from ctk.runs import FINISHED, Run
from ctk.testing.distributions import find_anew, lay
from ctk.workflow import fit_clock

SLOW = '''
"""Models whose fits take as many seconds as they are told, by a clock that stands still else."""

import numpy as np

from ctk import hookimpl
from ctk.contract import Model
from ctk.workflow import fit_clock


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
            if len(fits.read_text().splitlines()) == self.killed:
                raise KeyboardInterrupt
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
    return clock


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


def test_a_member_after_the_deadline_is_left_out_and_said(clock):
    results = run("2m", slow("one", 1), slow("two", 5))
    assert list(results.members) == ["one/seed-1"]
    assert "left 1 of 2 members out" in said(results)
    assert "two/seed-1 was left out" in said(results)
    assert results.submission.exists()
    assert Run(results.folder).state()["state"] == FINISHED
