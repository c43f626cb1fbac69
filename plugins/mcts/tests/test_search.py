"""The sampler in ctk search: probes are short runs, and only runs in full can be best."""

from __future__ import annotations

from functools import partial

import pytest

from ctk.runs import Run
from ctk.testing.distributions import find_anew, lay

MEMBER = {"model": "toy-network", "loss": "toy-squared-error", "batch": {"size": 16}, "epochs": 4}
SPACE = {"members.0.optimizer.lr": [1e-4, 1e-3, 1e-2, 1e-1], "members.0.model.hidden": [4, 8]}


@pytest.fixture
def search(ctk_home, tmp_plugin):
    """``ctk_search.search`` of the toy competition with this sampler, in this process."""
    from ctk_search import search as carry_out

    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()
    config = {"members": [MEMBER], "trackers": []}
    how = {"config": config, "execution": ["executor={name: serial, workers: 1, threads: 1}"], "pruner": "none"}
    return partial(carry_out, "toy-regression", space=SPACE, sampler="mcts", **how)


def test_probes_are_short_runs_and_the_best_is_a_run_in_full(search):
    found = search(trials=6, sampler_options=["probe=0.25", "promote=4"])
    shares = [trial.user_attrs.get("ctk:share") for trial in found.trials]
    epochs = [Run(path).config()["members"][0]["epochs"] for path in sorted(found.folder.glob("trials/*"))]
    assert shares == [0.25] * 4 + [1.0, 0.25]
    assert epochs == [1, 1, 1, 1, 4, 1]
    assert found.best.number == 4
    assert found.trials[4].params == found.trials[found.trials[4].user_attrs["ctk:promotes"]].params
    page = (found.folder / "search.html").read_text()
    assert "of 1 finished, probes aside" in page, "scores of short and of long runs do not compare"
    assert f"100%, after trial {found.trials[4].user_attrs['ctk:promotes']}" in page


def test_a_finite_space_is_searched_to_its_end_and_no_further(search):
    found = search(trials=20)
    assert len(found.trials) == len({tuple(trial.params.values()) for trial in found.trials}) == 8
    assert found.stopped
