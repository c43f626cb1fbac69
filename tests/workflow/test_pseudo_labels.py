"""A second round learns from confident test predictions of its own fold's first round, and never of validation rows."""

import pytest

from ctk import api
from ctk.runs import Part, Run
from ctk.testing.distributions import find_anew, lay

ALWAYS = ["executor.name=serial", "executor.threads=1", "trackers=[]", "split.folds=4", "split.use=4"]
FIRST = [
    {"model": {"name": "ridge", "alpha": 1e-3}, "name": "weak"},
    {"model": {"name": "ridge", "alpha": 10}, "name": "strong"},
]


@pytest.fixture
def toy(ctk_home, tmp_plugin):
    """The toy competitions, installed."""
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()


def second(model="ridge", of=("weak", "strong"), **keys):
    return {"model": model, "name": "second", "pseudo_labels": {"of": list(of), "share": 0.5, **keys}}


def run(*members, overrides=(), competition="toy-regression", **more):
    return api.run(competition, config={"members": list(members)}, overrides=[*ALWAYS, *overrides], **more)


def test_it_learns_from_the_test_rows_that_its_folds_first_round_agrees_on(toy):
    folder = run(*FIRST, second()).folder
    facts = Run(folder).facts(Part("second", 1, 2))["pseudo_labels"]
    assert (facts["rows"], facts["of"], facts["predictions"]) == (12, 24, 2)
    assert "second learns from 12 of 24 test samples too" in (folder / "report.html").read_text()
