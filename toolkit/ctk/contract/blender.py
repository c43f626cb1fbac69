"""Blenders, and the weights that they find."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from ctk.contract.metric import Metric
from ctk.contract.row_bins import RowBins
from ctk.contract.votes import vote_of_choices, vote_of_texts
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
    by               group of the samples by whose numbers rows are in bins; none where all rows have the same weights
    bins             (B,) lowest and highest number of each bin, both inside
    parts            (B,) each bin's own blend; weights are then their mean over the rows that they were found on
    how              "sum" of the predictions by their weights, or "vote": in each row a member gives its weight to one
                     text, or to the choice that it has the highest score for
    """

    weights: dict[str, float]
    normalise: bool = False
    score: float | None = None
    trace: list[dict[str, Any]] = field(default_factory=list)
    column_groups: list[str] = field(default_factory=list)
    group_of_column: list[int] = field(default_factory=list)
    by_group: dict[str, list[float]] = field(default_factory=dict)
    by: str | None = None
    bins: list[list[int]] = field(default_factory=list)
    parts: list[Blend] = field(default_factory=list)
    how: Literal["sum", "vote"] = "sum"

    @property
    def rows(self) -> RowBins | None:
        """The bins of rows that have weights of their own; None for none."""
        return None if self.by is None else RowBins(self.by, tuple((low, high) for low, high in self.bins))

    def heading(self) -> str:
        """Say of how many members it is, and what it reaches."""
        used = sum(weight != 0 for weight in self.weights.values())
        reached = "" if self.score is None else f", score {self.score:.4f}"
        return f"blend of {used} of {len(self.weights)} members{reached}"

    def table(self) -> DataFrame:
        """Make a table of a row a member: its weight, and those by group of columns and by bin of rows."""
        import pandas as pd

        rows = {key: [weight, *self.by_group.get(key, ())] for key, weight in self.weights.items()}
        columns = ["weight", *(self.column_groups if self.by_group else ())]
        for name, part in zip(self.rows.names if self.rows else (), self.parts, strict=True):
            for key in rows:
                rows[key] += [part.weights.get(key, 0.0), *part.by_group.get(key, ())]
            columns += [name, *(f"{name}, {group}" for group in part.column_groups if part.by_group)]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def apply(self, predictions: Mapping[str, Array], samples: Samples | None = None) -> Array:
        """Sum (N, ...) predictions by their weights, by member key: float32, or float64 where one of them is.

        Of text (N,), which has no sum, that with the most votes is taken, (N,) str; of as many votes that of the member
        named first. Where ``how`` is "vote" the same holds of choices, (N, C): what comes of them is their votes.
        Summed in double, some rows at a time: beyond the result it needs some MB, also where predictions are mapped
        from disk. ``samples`` are the rows', in the same order; blends by bins of rows look for their group there.
        Raises KeyError for a missing member, ValueError where one's shape does not fit, UsageError for a row in no bin.
        """
        import numpy as np

        bin_of_row = None if self.rows is None else self._bin_of_row(samples)
        factors = {key: self._factor(key) for key in self.weights}
        parts = {key: np.asarray(predictions[key]) for key, factor in factors.items() if np.any(factor)}
        assert parts, "a blend has at least one weight"
        shape = next(iter(parts.values())).shape
        columns = len((self.parts[0] if self.parts else self).group_of_column)
        for key, part in parts.items():
            if part.shape != shape or (columns and part.shape[-1] != columns):
                wanted = (*shape[:-1], columns) if columns else shape
                raise ValueError(f"{key}: predictions are of shape {part.shape}, {wanted} is needed")
        if bin_of_row is not None and len(bin_of_row) != shape[0]:
            raise ValueError(f"{shape[0]:,} predictions for {len(bin_of_row):,} samples: each row needs its sample")
        text = any(part.dtype.kind == "U" for part in parts.values())
        double = any(part.dtype == np.float64 for part in parts.values())
        kind = np.result_type(*parts.values()) if text else np.float64 if double else np.float32
        blended = np.empty(shape, kind)
        rows = max(1, BLOCK // max(1, math.prod(shape[1:])))
        if text or self.how == "vote":
            vote = vote_of_texts if text else vote_of_choices
            for start in range(0, len(blended), rows):
                some = slice(start, start + rows)
                bins = slice(None) if bin_of_row is None else bin_of_row[some]
                weights: list[Array] = [np.atleast_1d(np.asarray(factors[key]))[bins] for key in parts]
                blended[some] = vote([part[some] for part in parts.values()], weights)
            return blended
        for start in range(0, len(blended), rows):
            total: Array | float = 0.0
            for key, part in parts.items():
                block = part[start : start + rows].astype(np.float64)
                if self.normalise:
                    block /= np.linalg.norm(block, axis=-1, keepdims=True).clip(1e-12)
                factor = factors[key]
                if bin_of_row is not None:
                    factor = np.asarray(factor)[bin_of_row[start : start + rows]]
                    factor = factor.reshape(len(factor), *[1] * (block.ndim - factor.ndim), *factor.shape[1:])
                block *= factor
                total = total + block
            blended[start : start + rows] = total
        return blended

    def _bin_of_row(self, samples: Samples | None) -> Array:
        assert self.rows is not None
        if samples is None:
            raise ValueError(f"the weights belong to bins of '{self.by}': give the samples whose rows these are")
        return self.rows.number(samples)

    def _factor(self, key: str) -> float | Array:
        """A member's weight, or its weights (T,) by column; (B,) or (B, T) where rows are in bins."""
        import numpy as np

        if self.parts:
            return np.array([part._factor(key) for part in self.parts])
        return np.array(self.by_group[key])[self.group_of_column] if self.by_group else self.weights[key]


def join_blends(rows: RowBins, parts: Sequence[Blend], counts: Sequence[int]) -> Blend:
    """Join the blends of bins of rows, found on so many rows each, to one of all rows."""
    shares = [count / sum(counts) for count in counts] if sum(counts) else [1 / len(parts)] * len(parts)
    keys = list(dict.fromkeys(key for part in parts for key in part.weights))
    whole = [
        replace(
            part,
            weights={key: part.weights.get(key, 0.0) for key in keys},
            by_group={key: part.by_group.get(key, [0.0] * len(part.column_groups)) for key in keys if part.by_group},
            trace=[],
        )
        for part in parts
    ]
    return Blend(
        weights={key: sum(n * part.weights[key] for n, part in zip(shares, whole, strict=True)) for key in keys},
        normalise=whole[0].normalise,
        how=whole[0].how,
        trace=[{"rows": name, **step} for name, part in zip(rows.names, parts, strict=True) for step in part.trace],
        by=rows.by,
        bins=[list(each) for each in rows.bins],
        parts=whole,
    )


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
    """Finds a blend. ``needs_oof`` tells whether it looks at out-of-fold predictions at all.

    One that finds weights of predictions that are text, too, says so with ``reads_text``; others are refused before
    anything is fitted where a target is text.
    """

    needs_oof = True
    reads_text = False

    say: Callable[[str], None] = staticmethod(lambda line: None)
    """Set by the workflow: a fit that takes longer than some seconds says now and then how far it is."""

    def check(self, keys: Sequence[str], samples: Samples, metric: Metric) -> None:
        """Raise UsageError where these members, of such samples, could not be blended; called before any is fitted."""
        return

    @abstractmethod
    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """Find a blend of out-of-fold predictions by member key, rows as in ``samples``."""
