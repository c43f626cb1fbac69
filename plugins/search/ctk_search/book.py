"""A search's study and the database behind it: all that is read from and written to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

Telling = Callable[[], AbstractContextManager[None]]
"""Makes a context in which what goes wrong with the database becomes a CtkError."""


class Book:
    """What is known of trials. Everything raises CtkError where the database cannot be used."""

    def __init__(self, study: Study, storage: RDBStorage, told: Telling) -> None:
        self.study = study
        self.storage = storage
        self.told = told
        self.known: list[FrozenTrial] | None = None
        self.id = storage.get_study_id_from_name(study.study_name)

    def trials(self) -> list[FrozenTrial]:
        """All of them in their order; not to be changed. Read again after something was written."""
        if self.known is None:
            with self.told():
                self.known = self.study.get_trials(deepcopy=False)
        return self.known

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What was read is old after it."""
        try:
            with self.told():
                yield
        finally:
            self.known = None

    def ask(self, space: Mapping[str, BaseDistribution], sampler: BaseSampler) -> FrozenTrial:
        """A new trial with the sampler's values."""
        with self.writing():
            self.study.sampler = sampler
            number = self.study.ask(dict(space)).number
        return self.trials()[number]

    def completed(self, trial: FrozenTrial, space: Mapping[str, BaseDistribution], sampler: BaseSampler) -> FrozenTrial:
        """A trial whose proposal a kill cut off, with the values that it would have had.

        It is the last one: proposed anew beside a copy of those before it, by a sampler with the same seed.
        """
        if trial.params.keys() >= space.keys():
            return trial
        before = [each for each in self.trials() if each.number < trial.number]
        beside = optuna.create_study(direction=self.study.direction, sampler=sampler)
        beside.add_trials(before)
        beside.ask(dict(space))
        proposed = beside.trials[trial.number]
        with self.writing():
            place = self._id(trial.number)
            for name, distribution in proposed.distributions.items():
                if name not in trial.params:
                    internal = distribution.to_internal_repr(proposed.params[name])
                    self.storage.set_trial_param(place, name, internal, distribution)
            for key, value in proposed.user_attrs.items():
                self.storage.set_trial_user_attr(place, key, value)
        return self.trials()[trial.number]

    def report(self, number: int, values: Mapping[int, float]) -> None:
        """Write down a running trial's scores by epoch, those that are not there yet."""
        known = self.trials()[number].intermediate_values
        with self.writing():
            for step in sorted(values.keys() - known.keys()):
                self.storage.set_trial_intermediate_value(self._id(number), step, values[step])

    def tell(self, number: int, state: TrialState, value: float | None, **attributes: Any) -> FrozenTrial:
        """End a trial; its sampler is told too."""
        with self.writing():
            for key, each in attributes.items():
                self.storage.set_trial_user_attr(self._id(number), key, each)
            self.study.tell(number, value, state)
        return self.trials()[number]

    def close(self) -> None:
        """Let go of the database; a file is whole then, without others beside it."""
        self.storage.remove_session()
        self.storage.engine.dispose()

    def _id(self, number: int) -> int:
        return self.storage.get_trial_id_from_study_id_trial_number(self.id, number)
