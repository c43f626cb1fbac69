"""Ending trials that do worse than others did by then.

What a trial is compared with are the trials that had ended when it was proposed: whoever runs beside it, and however
fast, makes no difference. Optuna's pruners decide, in the worker.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ctk.api import Epoch
from ctk.contract import Direction
from ctk.errors import Pruned
from ctk.runs import Part

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.study import Study
    from optuna.trial import FrozenTrial

Name = Literal["median", "halving", "none"]
NAMES: tuple[Name, ...] = ("median", "halving", "none")
STRIDE = 10_000
"""Steps between the fits of a trial: its second member, seed or fold has its first epoch at step 10,001."""
STARTUP = 5
"""Trials that have to be finished before the median is taken for one."""


class Steps:
    """Numbers a trial's epochs over all of its fits."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def of(self, part: Part, epoch: int) -> int:
        """The step of an epoch; fits are numbered as they come."""
        if part not in self.parts:
            self.parts.append(part)
        return self.parts.index(part) * STRIDE + epoch


def curve(epochs: Iterable[Epoch], metric: str) -> dict[int, float]:
    """The deciding scores by step, without those that are no numbers."""
    steps = Steps()
    found = {steps.of(epoch.part, epoch.done): epoch.scores.get(metric, math.nan) for epoch in epochs}
    return {step: score for step, score in found.items() if math.isfinite(score)}


def pruner(name: Name, epochs: int) -> BasePruner:
    """Optuna's pruner for trials of so many epochs.

    median   from a quarter of the epochs on, what is worse than the median of the finished trials at that epoch
             (Golovin et al. 2017, section 3.2.2)
    halving  after a ninth and a third of the epochs, what is not in the best third (Li et al. 2018, arXiv:1810.05934)
    """
    from optuna import pruners

    if name == "median":
        return pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=max(1, epochs // 4))
    if name == "halving":
        return pruners.SuccessiveHalvingPruner(min_resource=max(1, epochs // 9), reduction_factor=3)
    return pruners.NopPruner()


def marks(chosen: BasePruner, direction: Direction, scores: Mapping[int, float]) -> dict[str, Any]:
    """What the pruner writes down beside a trial with these scores, by which it judges others (halving: its rungs)."""
    study = _study(chosen, direction, [])
    trial = study.ask()
    for step, score in scores.items():
        trial.report(score, step)
        trial.should_prune()
    return dict(study.trials[0].system_attrs)


@dataclass
class Pruning:
    """The watch of a trial.

    ended  trials to compare with: whether finished, the scores by step, the pruner's marks
    """

    name: Name
    epochs: int
    direction: Direction
    metric: str
    ended: list[tuple[bool, dict[int, float], dict[str, Any]]]
    steps: Steps = field(default_factory=Steps)
    should_prune: Callable[[float, int], bool] | None = None

    def __call__(self, part: Part, done: int, total: int, scores: Mapping[str, float]) -> None:
        """Judge an epoch. Raises Pruned."""
        score = scores.get(self.metric, math.nan)
        step = self.steps.of(part, done)
        if math.isfinite(score) and self._judge()(score, step):
            raise Pruned(f"Its {self.metric} {score:.4g} after epoch {done} of {total} is behind others ({self.name}).")

    def _judge(self) -> Callable[[float, int], bool]:
        if self.should_prune is None:
            from optuna.trial import TrialState, create_trial

            before = [
                create_trial(
                    state=TrialState.COMPLETE if finished else TrialState.PRUNED,
                    value=next(reversed(scores.values()), 0.0),  # pruners look at scores by step alone
                    intermediate_values=scores,
                    system_attrs=marks,
                )
                for finished, scores, marks in self.ended
            ]
            trial = _study(pruner(self.name, self.epochs), self.direction, before).ask()

            def judge(score: float, step: int) -> bool:
                trial.report(score, step)
                return trial.should_prune()

            self.should_prune = judge
        return self.should_prune


def _study(chosen: BasePruner, direction: Direction, trials: list[FrozenTrial]) -> Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if direction == "max" else "minimize", pruner=chosen)
    study.add_trials(trials)
    return study
