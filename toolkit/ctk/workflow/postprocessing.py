"""How a competition mends predictions, as a config says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ctk.contract import Competition
from ctk.contract.competition import OPTIONS
from ctk.samples import Array, Samples


@dataclass(frozen=True)
class Postprocessing:
    """The competition's ``fit_postprocess`` and ``postprocess``.

    choice  the config's: whether anything is mended, or the options of how
    """

    competition: Competition
    choice: bool | Mapping[str, Any]

    @property
    def has_options(self) -> bool:
        """Whether it is one of several ways to mend, so that what was there before is kept beside it."""
        return isinstance(self.choice, Mapping)

    def fit(self, prediction: Array, samples: Samples) -> dict[str, Any]:
        """Find what ``apply`` has to know from out-of-fold predictions; data that can be saved as JSON."""
        if self.choice is False:
            return {}
        return {**self.competition.fit_postprocess(prediction, samples), **self._options()}

    def apply(self, prediction: Array, samples: Samples, fitted: Mapping[str, Any]) -> Array:
        """Mend predictions, by what ``fit`` found where there was anything to find it from."""
        if self.choice is False:
            return prediction
        return self.competition.postprocess(prediction, samples, {**fitted, **self._options()})

    def _options(self) -> dict[str, Any]:
        return {OPTIONS: dict(self.choice)} if isinstance(self.choice, Mapping) else {}
