"""Searches of the toy competition: trials of a fraction of a second."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ctk.testing.distributions import find_anew, lay

ROGUE = """
from ctk import hookimpl
@hookimpl
def ctk_register_losses(register):
    register("bad", "rogue_loss:Bad")
"""
MEMBER = {"model": "toy-network", "loss": "toy-squared-error", "batch": {"size": 16}, "epochs": 4}
BASE = {"members": [MEMBER], "trackers": []}
SPACE = {
    "members.0.optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True},
    "members.0.model.hidden": [4, 8, 16],
}
FINITE = {"members.0.optimizer.lr": [1e-3, 1e-2, 1e-1], "members.0.model.hidden": {"low": 4, "high": 8, "step": 4}}


@pytest.fixture
def toy(ctk_home, tmp_plugin) -> Callable[[str], None]:
    """The toy competition, installed; returns how to install a loss "bad" beside it, from its source."""

    def install(source: str) -> None:
        folder = tmp_plugin("rogue", ROGUE)
        (folder / "rogue_loss.py").write_text(source)

    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()
    return install


@pytest.fixture
def search(toy) -> Callable[..., Any]:
    """``ctk_search.search`` of the toy competition in this process, one trial after another."""
    from ctk_search import search as carry_out

    return partial(
        carry_out,
        "toy-regression",
        space=SPACE,
        trials=4,
        execution=["executor.name=serial", "executor.workers=1", "executor.threads=1"],
        config=BASE,
    )


@pytest.fixture
def table() -> Callable[[Any], list[tuple]]:
    """What must be the same in two searches that are the same: all but times and places."""

    def rows(found: Any) -> list[tuple]:
        return [
            (trial.number, trial.state.name, trial.params, trial.values, trial.intermediate_values)
            for trial in found.trials
        ]

    return rows


@pytest.fixture
def space_file(tmp_path) -> Callable[[str], Path]:
    """Write a space's file."""

    def write(text: str) -> Path:
        path = tmp_path / "space.yaml"
        path.write_text(text)
        return path

    return write
