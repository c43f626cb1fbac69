"""The samplers of this plugin. Each is made anew for each trial, and reads from the study what it knows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from random import Random
from typing import Annotated, Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from pydantic import Field

from ctk.errors import UsageError
from ctk_search import points
from ctk_search.points import Distributions, Values


def random(space: Distributions, seed: int) -> BaseSampler:
    """Each point with the same chance; in a finite space none is proposed twice."""
    values = [known for each in space.values() if (known := points.values_of(each)) is not None]
    return Counted(space, values, Random(seed)) if len(values) == len(space) else RandomSampler(seed)


def grid(space: Distributions, seed: int) -> BaseSampler:
    """Every point of a finite space, in its order. Raises UsageError for a continuous parameter."""
    values = []
    for name, distribution in space.items():
        if (known := points.values_of(distribution)) is None:
            raise UsageError(f"The sampler grid cannot count the values of {name}.", "Give it a step, or choices.")
        values.append(known)
    return Counted(space, values)


def tpe(
    space: Distributions,
    seed: int,
    *,
    n_startup_trials: Annotated[int, Field(ge=0)] = 10,
    n_ei_candidates: Annotated[int, Field(ge=1)] = 24,
    multivariate: bool = True,
    constant_liar: bool = True,
) -> BaseSampler:
    """Optuna's tree-structured Parzen estimator (Bergstra et al. 2011).

    n_startup_trials  trials at random before it begins
    n_ei_candidates   candidates of which the one with the largest expected improvement is taken
    multivariate      parameters together instead of one by one
    constant_liar     take running trials for bad ones, so that workers do not try the same
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(
            seed=seed,
            n_startup_trials=n_startup_trials,
            n_ei_candidates=n_ei_candidates,
            multivariate=multivariate,
            constant_liar=constant_liar,
        )


class Counted(BaseSampler):
    """A sampler of a finite space that proposes no point twice.

    random  gives each point that is left the same chance; None takes them in their order
    """

    def __init__(self, space: Distributions, values: Sequence[Values], random: Random | None = None) -> None:
        self.space = dict(space)
        self.values = values
        self.size = math.prod(map(len, values))
        self.random = random

    def exhausted(self, study: Study) -> bool:
        """Whether every point was proposed."""
        return len(self._taken(study)) >= self.size

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All parameters: they are drawn together."""
        return self.space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next point."""
        taken = self._taken(study)
        if self.random is None or 2 * len(taken) > self.size:
            left = (each for number in range(self.size) if (each := points.point(self.values, number)) not in taken)
            free = next(left) if self.random is None else self.random.choice(list(left))
        else:
            while (free := points.point(self.values, self.random.randrange(self.size))) in taken:
                pass
        return dict(zip(self.space, free, strict=True))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Never asked: no parameter is outside the space."""
        raise NotImplementedError

    def _taken(self, study: Study) -> set[tuple[Any, ...]]:
        known = (trial.params for trial in study.get_trials(deepcopy=False))
        return {tuple(params[name] for name in self.space) for params in known if self.space.keys() <= params.keys()}
