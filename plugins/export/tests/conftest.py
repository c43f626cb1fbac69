"""Real runs of both competitions, cut small: every network they offer, a ridge, copies by group, a stacked member."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

from ctk.runs import Run

AML = (
    "members=[{model: ridge, blend: false, seeds: [0]},"
    " {model: ridge, name: stacked, uses: [ridge], seeds: [0]},"
    " {model: {name: residual-mlp, hidden: 16, layers: 1}, epochs: 2, batch: {size: 64, by: image}}]"
)
LEAP = (
    "members=[{model: {name: ridge, alpha: 1, standardise: true, features: [columns]}, blend: false, seeds: [0]},"
    " {model: {name: column-mlp, hidden: 32, layers: 1}, loss: smooth-l1-levels, batch: {size: 16},"
    " optimizer: {lr: 2.0e-3}, stages: [{epochs: 2}, {epochs: 2, copies: target-groups}]},"
    " {model: {name: res-bilstm, hidden: 4, layers: 2}, loss: smooth-l1-levels, epochs: 1, batch: {size: 64}},"
    " {model: {name: lstm-attention, wide: 4, hidden: 4, layers: 2, heads: 2}, loss: smooth-l1-levels, epochs: 1,"
    " batch: {size: 64}},"
    " {model: {name: conv-bilstm-transformer, hidden: 4, layers: 1, heads: 2, feedforward: 8, head: [8]},"
    " loss: smooth-l1-levels, epochs: 1, batch: {size: 64}}]"
)


@pytest.fixture(scope="session")
def work(tmp_path_factory) -> Path:
    """Folder of everything the tests write."""
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="session")
def places(work) -> dict[str, str]:
    """The environment that puts runs and caches below ``work``."""
    return {"CTK_RUNS": str(work / "runs"), "CTK_CACHE": str(work / "cache")}


@pytest.fixture(autouse=True)
def _apart(places, monkeypatch) -> None:
    for name, value in places.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def ctk(ctk_in, work, places) -> Callable[..., CompletedProcess[str]]:
    """Call the command line in this process; the code it ends with is checked."""
    line = ctk_in(work)

    def call(*arguments: object, code: int = 0) -> CompletedProcess[str]:
        return line(*arguments, code=code, **places)

    return call


@pytest.fixture(scope="session")
def aml(work, ctk) -> Run:
    """Some hundred captions of the embedded pictures; two folds, so that there is something to stack."""
    from ctk_aml_retrieval import embedded, layout

    whole = layout.read(embedded.folder())
    layout.write(
        work / "aml", whole.train.take(np.flatnonzero(whole.train.target < 60)).with_own_gallery(), labelled=True
    )
    layout.write(work / "aml", whole.test.take(np.arange(70)), labelled=False)
    return _run(ctk, "aml-retrieval", work / "aml", AML, "split={by: image, folds: 2, use: 2}")


@pytest.fixture(scope="session")
def leap(work, ctk) -> Run:
    """Kaggle's tables, of columns of air whose targets mix three inputs: copies still have something to gain."""
    from ctk_leap_climsim.columns import EXACT_INPUTS, EXACT_TARGETS, INPUTS, STEP, TARGETS, ZERO

    random = np.random.default_rng(0)
    inputs = random.standard_normal((640, len(INPUTS)))
    mixed = inputs[:, :3] @ random.standard_normal((3, len(TARGETS))) + 20  # no flux is negative
    targets = mixed * 10.0 ** random.uniform(-20, 3, len(TARGETS))
    inputs[:, [name.startswith("state_q") for name in INPUTS]] += 1e9  # no step takes more water than there is
    targets[:, EXACT_TARGETS] = inputs[:, EXACT_INPUTS] / -STEP
    folder = work / "leap"
    ids = [f"train_{384 * (row // 64) + row % 64}" for row in range(640)]
    _write_csv(folder / "train.csv", ids, [*INPUTS, *TARGETS], np.hstack([inputs, targets]))
    asked = [f"test_{row}" for row in range(70)]
    _write_csv(folder / "test.csv", asked, INPUTS, random.standard_normal((70, len(INPUTS))))
    _write_csv(folder / "sample_submission.csv", asked, TARGETS, np.tile(np.where(ZERO, 0.0, 1.0), (70, 1)))
    return _run(ctk, "leap-climsim", folder, LEAP)


def _run(ctk: Callable[..., CompletedProcess[str]], competition: str, data: Path, *overrides: str) -> Run:
    options = [
        each
        for override in (*overrides, "executor={name: serial, threads: 1}", "trackers=[]", "seeds=[1]")
        for each in ("-o", override)
    ]
    answer = ctk("run", competition, "--data", data, "--preset", "quick", "--json", *options)
    return Run(Path(json.loads(answer.stdout)["run"]))


def _write_csv(path: Path, ids: list[str], names: Any, values: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    lines = [",".join(("sample_id", *names))]
    lines += [",".join((id, *map(repr, row))) for id, row in zip(ids, values.tolist(), strict=True)]
    path.write_text("\n".join(lines) + "\n")
