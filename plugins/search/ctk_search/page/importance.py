"""How much of the score each parameter decides."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial

from ctk.contract import Direction
from ctk_search.outcomes import share_of

FEWEST = 8
"""Finished trials below which nothing is said."""


def importances(ranked: Sequence[FrozenTrial], direction: Direction) -> dict[str, float]:
    """By parameter, the most important first; they sum to 1. Empty where too few trials finished, or all are alike.

    PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255) among the trials that were fitted for as long as any: how unlike
    the values of the best quarter of them are to those of all.
    """
    longest = max((share_of(trial) for trial in ranked), default=1.0)
    trials = [trial for trial in ranked if share_of(trial) == longest]
    if len(trials) < FEWEST or len({trial.value for trial in trials}) < 2:
        return {}
    study = study_of(trials, direction, {name: name for name in trials[0].params})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            evaluator = PedAnovaImportanceEvaluator(target_quantile=0.25)
            return dict(get_param_importances(study, evaluator=evaluator))
        except (RuntimeError, ValueError):  # too few are different
            return {}


def study_of(trials: Sequence[FrozenTrial], direction: Direction, names: Mapping[str, str]) -> optuna.Study:
    """A study in memory of some trials, their parameters by other names, for what Optuna computes and draws."""
    study = optuna.create_study(direction="maximize" if direction == "max" else "minimize")
    for trial in trials:
        params = {names[name]: value for name, value in trial.params.items()}
        distributions = {names[name]: value for name, value in trial.distributions.items()}
        study.add_trial(optuna.trial.create_trial(value=trial.value, params=params, distributions=distributions))
    return study
