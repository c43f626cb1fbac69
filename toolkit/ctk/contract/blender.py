"""Blenders, and the weights that they find."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ctk.contract.metric import Metric
from ctk.errors import UsageError, nearest
from ctk.notebook import Tabular
from ctk.samples import Array, Samples

if TYPE_CHECKING:
    from pandas import DataFrame

BLOCK = 1 << 19
"""Numbers in double that a blend is summed up of at a time: 4 MiB."""


@dataclass(frozen=True, repr=False)
class Blend(Tabular):
    """The weights of members: plain data that can be saved, shown and explained.

    weights          by member key ("mlp/seed-1"), in the order given; the mean over columns where these have
                     weights of their own
    normalise        whether each member's rows are scaled to length 1 first
    score            of the blend on the out-of-fold predictions, None where there were none
    trace            the steps that led there, each a small mapping
    column_groups    (G,) names of the groups of columns that have weights of their own; none where all have the same
    group_of_column  (T,) number of each column's group
    by_group         by member key, (G,) weights
    """

    weights: dict[str, float]
    normalise: bool = False
    score: float | None = None
    trace: list[dict[str, Any]] = field(default_factory=list)
    column_groups: list[str] = field(default_factory=list)
    group_of_column: list[int] = field(default_factory=list)
    by_group: dict[str, list[float]] = field(default_factory=dict)

    def heading(self) -> str:
        """Say of how many members it is, and what it reaches."""
        used = sum(weight != 0 for weight in self.weights.values())
        reached = "" if self.score is None else f", score {self.score:.4f}"
        return f"blend of {used} of {len(self.weights)} members{reached}"

    def table(self) -> DataFrame:
        """Make a table of a row a member: its weight, and those by group of columns."""
        import pandas as pd

        rows = {key: [weight, *self.by_group.get(key, ())] for key, weight in self.weights.items()}
        columns = ["weight", *(self.column_groups if self.by_group else ())]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def apply(self, predictions: Mapping[str, Array]) -> Array:
        """Sum (N, ...) predictions by their weights, by member key: float32, or float64 where one of them is.

        Summed in double, some rows at a time: beyond the result it needs some MB, also where predictions are mapped
        from disk. Raises KeyError for a missing member, ValueError where one's shape does not fit.
        """
        import numpy as np

        factors = {key: self._factor(key) for key in self.weights}
        parts = {key: np.asarray(predictions[key]) for key, factor in factors.items() if np.any(factor)}
        assert parts, "a blend has at least one weight"
        shape = next(iter(parts.values())).shape
        for key, part in parts.items():
            if part.shape != shape or (self.by_group and part.shape[-1] != len(self.group_of_column)):
                wanted = (*shape[:-1], len(self.group_of_column)) if self.by_group else shape
                raise ValueError(f"{key}: predictions are of shape {part.shape}, {wanted} is needed")
        double = any(part.dtype == np.float64 for part in parts.values())
        blended = np.empty(shape, np.float64 if double else np.float32)
        rows = max(1, BLOCK // max(1, math.prod(shape[1:])))
        for start in range(0, len(blended), rows):
            total: Array | float = 0.0
            for key, part in parts.items():
                block = part[start : start + rows].astype(np.float64)
                if self.normalise:
                    block /= np.linalg.norm(block, axis=-1, keepdims=True).clip(1e-12)
                block *= factors[key]
                total = total + block
            blended[start : start + rows] = total
        return blended

    def _factor(self, key: str) -> float | Array:
        """A member's weight, or its weights (T,) by column."""
        import numpy as np

        return np.array(self.by_group[key])[self.group_of_column] if self.by_group else self.weights[key]


def find_members(name: str, keys: Iterable[str], where: str) -> list[str]:
    """List the member keys that a name means: the key itself, or else parts of it ("mlp", "mlp/seed-1") or a pattern.

    A pattern is as of shells, "mlp/*". Raises UsageError, beginning with ``where``, that names the nearest keys.
    """
    known = list(keys)
    found = [name] if name in known else [k for k in known if f"/{name}/" in f"/{k}/" or fnmatchcase(k, name)]
    if not found:
        raise UsageError(f"{where}: there is no member '{name}'.", nearest(name, known, "members"))
    return found


class Blender(ABC):
    """Finds a blend. ``needs_oof`` tells whether it looks at out-of-fold predictions at all."""

    needs_oof = True

    say: Callable[[str], None] = staticmethod(lambda line: None)
    """Set by the workflow: a fit that takes longer than some seconds says now and then how far it is."""

    def check(self, keys: Sequence[str], samples: Samples, metric: Metric) -> None:
        """Raise UsageError where these members, of such samples, could not be blended; called before any is fitted."""
        return

    @abstractmethod
    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Find a blend of out-of-fold predictions by member key, rows as in ``samples``."""
