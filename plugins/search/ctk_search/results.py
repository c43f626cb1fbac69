"""What a search writes beside its trials: the table of results, the best config, a link to the best trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from ctk.api import Guard, TrialOutcome, read_epochs
from ctk.contract import Metric
from ctk.files import atomic, dump_yaml, write_json, write_text
from ctk.runs import FAILED, FINISHED, PRUNED, RUNNING, Run
from ctk.training import VALID_LOSS
from ctk_search import configs
from ctk_search.outcomes import facts_of, promoted_by, ranked, share_of
from ctk_search.settings import Settings
from ctk_search.space import Space

TABLE, BEST_CONFIG, HISTORY = "hpsearch_results.csv", "best-config.yaml", "search_history.json"

STATES = {
    TrialState.COMPLETE: FINISHED,
    TrialState.PRUNED: PRUNED,
    TrialState.FAIL: FAILED,
    TrialState.RUNNING: RUNNING,
    TrialState.WAITING: "waiting",
}


def short(metric: str) -> str:
    """A metric's name in columns: "mrr" of "mrr_gallery"."""
    return metric.partition("_")[0]


def trial_folder(folder: Path, number: int) -> Path:
    """Where in a search's folder a trial's run lies."""
    return folder / "trials" / f"{number:04d}"


def write(
    folder: Path,
    settings: Settings,
    space: Space,
    metric: Metric,
    trials: Sequence[FrozenTrial],
    history: Callable[[], Any] | None = None,
    ended: FrozenTrial | None = None,
) -> None:
    """Bring a search's folder up to date; a kill meanwhile leaves whole files.

    history  gives what the sampler has to tell of itself
    ended    the trial that has just ended; None brings everything up to date
    """
    if rows := [row(trial, space, metric) for trial in trials if trial.state.is_finished()]:
        write_text(folder / TABLE, pd.DataFrame(rows, dtype=object).to_csv(index=False))
    best = next(iter(ranked(trials, metric)), None)
    if best is not None and (ended is None or best.number == ended.number):
        _write_best(folder, settings, space, metric, best)
    if history is not None:
        with Guard("samplers", settings.sampler["name"])("telling its history"):
            write_json(folder / HISTORY, history())


def _write_best(folder: Path, settings: Settings, space: Space, metric: Metric, best: FrozenTrial) -> None:
    """best-config.yaml, and ``best`` and the submission as links to those of the best trial."""
    config = configs.config_of(settings.competition, settings.base, space.overrides(best.params), share_of(best))
    head = f"# Trial {best.number} of {folder.name}: {metric.name} {best.value}\n"
    text = dump_yaml(configs.best(config))
    write_text(folder / BEST_CONFIG, head + text)
    run = trial_folder(folder, best.number)
    _link(folder / "best", run.relative_to(folder))
    for submission in run.glob("submission.*"):
        if submission.suffix != ".json":
            _link(folder / submission.name, Path("best") / submission.name)


def facts(outcome: TrialOutcome, search: Path, metric: Metric) -> dict[str, Any]:
    """What is worth knowing of a trial that ended, from its folder; paths are relative to the search's."""
    epochs = read_epochs(outcome.folder)
    curves: dict[Any, list[dict[str, float]]] = {}
    for epoch in epochs:
        curves.setdefault(epoch.part, []).append(epoch.scores)
    finals = [curve[-1][metric.name] for curve in curves.values() if metric.name in curve[-1]]
    losses = [
        min((loss for scores in curve if math.isfinite(loss := scores.get(VALID_LOSS, math.nan))), default=math.nan)
        for curve in curves.values()
    ]
    run = Run(outcome.folder)
    fitted = {part: run.facts(part) for part in run.parts()} if (outcome.folder / "config.yaml").exists() else {}
    sizes = {part.member: facts["size"] for part, facts in fitted.items() if facts.get("size")}
    best = max(fitted, key=lambda part: metric.merit(fitted[part]["scores"].get(metric.name)), default=None)
    paths = {"best_loss_path": "best-loss.pt", "best_path": "weights.pt"}
    found = {name: None if best is None else run.checkpoints_folder(best) / file for name, file in paths.items()}
    return {
        "timestamp": f"{datetime.now():%Y-%m-%d %H:%M:%S}",
        "seconds": round(outcome.seconds, 3),
        "problem": outcome.problem,
        "scores": dict(outcome.scores),
        "num_params": sum(sizes.values()) or None,
        "best_val_loss": _mean(losses),
        "final_val": _mean(finals),
        "seeds": sorted({part.seed for part in fitted}),
        **{
            name: path.relative_to(search).as_posix() if path is not None and path.exists() else None
            for name, path in found.items()
        },
    }


def row(trial: FrozenTrial, space: Space, metric: Metric) -> dict[str, Any]:
    """A trial's row: the columns of the AML reference solution's search, the parameters, what else there is to say."""
    name, known = short(metric.name), facts_of(trial)
    return {
        "trial_idx": trial.number,
        "timestamp": known.get("timestamp"),
        "num_params": known.get("num_params"),
        "best_val_loss": known.get("best_val_loss"),
        f"best_val_{name}": best_value(trial, metric),
        f"final_val_{name}": known.get("final_val"),
        "best_loss_path": known.get("best_loss_path"),
        f"best_{name}_path": known.get("best_path"),
        **{name: trial.params.get(name) for name in space.parameters},
        "state": STATES[trial.state],
        "seconds": known.get("seconds"),
        "seeds": " ".join(map(str, known.get("seeds", ()))),
        "share": share_of(trial),
        "promotes": promoted_by(trial),
        "problem": " ".join(known.get("problem", "").split()),
    }


def best_value(trial: FrozenTrial, metric: Metric) -> float | None:
    """A trial's score; of one that was pruned the best that it came to."""
    if trial.state == TrialState.COMPLETE:
        return trial.value
    values = [value for value in trial.intermediate_values.values() if math.isfinite(value)]
    return max(values, key=metric.merit, default=None)


def _link(path: Path, target: Path) -> None:
    with atomic(path) as temporary:
        temporary.symlink_to(target)


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else None
