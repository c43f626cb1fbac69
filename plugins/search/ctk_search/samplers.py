"""The samplers of this plugin. Each is made anew for each trial, and reads from the study what it knows."""

from __future__ import annotations

import warnings
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
from ctk_search.points import Distributions


def random(space: Distributions, seed: int) -> BaseSampler:
    """Each point with the same chance; in a finite space none is proposed twice."""
    return RandomSampler(seed) if points.size(space) is None else WithoutRepetition(space, seed)


def grid(space: Distributions, seed: int) -> BaseSampler:
    """Every point of a finite space, in its order. Raises UsageError for a continuous parameter."""
    for name, distribution in space.items():
        if points.count(distribution) is None:
            raise UsageError(f"The sampler grid cannot count the values of {name}.", "Give it a step, or choices.")
    return InOrder(space)


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
    """A sampler of a finite space that proposes no point twice."""

    def __init__(self, space: Distributions) -> None:
        self.space = dict(space)
        size = points.size(space)
        assert size is not None
        self.size = size

    def next(self, taken: set[int]) -> int:
        """The number of the next point; those of the study's trials are ``taken``."""
        raise NotImplementedError

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
        return points.point(self.space, self.next(self._taken(study)))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Never asked: no parameter is outside the space."""
        raise NotImplementedError

    def _taken(self, study: Study) -> set[int]:
        known = (trial.params for trial in study.get_trials(deepcopy=False))
        return {points.number_of(self.space, values) for values in known if self.space.keys() <= values.keys()}


class WithoutRepetition(Counted):
    """Each point that was not proposed yet with the same chance."""

    def __init__(self, space: Distributions, seed: int) -> None:
        super().__init__(space)
        self.random = Random(seed)

    def next(self, taken: set[int]) -> int:
        """One of those that are left."""
        if 2 * len(taken) > self.size:
            return self.random.choice([number for number in range(self.size) if number not in taken])
        while (number := self.random.randrange(self.size)) in taken:
            pass
        return number


class InOrder(Counted):
    """The first point that was not proposed yet."""

    def next(self, taken: set[int]) -> int:
        """The lowest number that is left."""
        return next(number for number in range(self.size) if number not in taken)
