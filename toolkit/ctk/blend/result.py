"""What a climb gives: weights, the score that they reach, and how they were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from ctk.blend.members import Names, members_of
from ctk.notebook import Tabular

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Step:
    """One step of a climb: blend = (1 - share) * blend + share * member, and the metric after it.

    cell is the (row group, column group) that the step was taken in; (0, 0) where weights are not grouped.
    """

    member: int
    share: float
    score: float
    cell: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class ClimbTrace(Sequence[Step]):
    """The steps of a climb of thousands of rounds: arrays (steps,), and a Step is made when one asks for it.

    cells  (steps, 2)
    """

    members: NDArray[np.int64]
    shares: NDArray[np.float64]
    scores: NDArray[np.float64]
    cells: NDArray[np.int64]

    @classmethod
    def join(cls, traces: Sequence[ClimbTrace]) -> ClimbTrace:
        """One after another."""
        parts = [(each.members, each.shares, each.scores, each.cells) for each in traces]
        return cls(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def __len__(self) -> int:
        return len(self.members)

    @overload
    def __getitem__(self, place: int) -> Step: ...
    @overload
    def __getitem__(self, place: slice) -> ClimbTrace: ...
    def __getitem__(self, place: int | slice) -> Step | ClimbTrace:
        if isinstance(place, slice):
            return ClimbTrace(self.members[place], self.shares[place], self.scores[place], self.cells[place])
        row, column = self.cells[place].tolist()
        return Step(int(self.members[place]), float(self.shares[place]), float(self.scores[place]), (row, column))


@dataclass(frozen=True, eq=False, repr=False)
class BlendResult(Tabular):
    """Weights (M,), or (row groups, M), (column groups, M), (row groups, column groups, M); each M of them sum to 1.

    score    the metric of the blend on what it was climbed on
    trace    the steps, in order; the first of each cell takes the best single member. Of nelder_mead, its starts
    groups   (row groups,) their labels, in the weights' order, where rows are grouped
    columns  (T,) number of each column's group, where columns are grouped
    names    (M,) of the members, where these were given by name: in a mapping or a data frame
    """

    weights: NDArray[np.float64]
    score: float
    trace: Sequence[Any]
    groups: NDArray[Any] | None = None
    columns: NDArray[np.int64] | None = None
    names: Names | None = None

    def heading(self) -> str:
        """Say of how many members it is, and what it reaches."""
        return f"blend of {self.weights.shape[-1]} members, score {self.score:.4f}"

    def table(self) -> DataFrame:
        """Make a table of a row a member and a column a group of rows or columns that has weights of its own."""
        import pandas as pd

        weights = self.weights.reshape(-1, self.weights.shape[-1])
        rows = [None] if self.groups is None else self.groups.tolist()
        cells = [(row, column) for row in rows for column in range(len(weights) // len(rows))]
        names = ["weight"] if len(cells) == 1 else [_cell_name(*cell, self.columns is not None) for cell in cells]
        return pd.DataFrame(weights.T, index=None if self.names is None else list(self.names), columns=names)

    def apply(self, predictions: Sequence[Any] | Any, groups: Sequence[Any] | NDArray[Any] | None = None) -> Any:
        """Weighted sum of M arrays or tensors of one shape; groups gives the rows' labels where weights have them.

        predictions  as they were climbed on: members that have names are found by them, in whatever order they come
        raises       ValueError where the members, the labels or the columns are not those of the weights
        """
        given, _ = members_of(predictions, self.names)
        predictions = [each if hasattr(each, "detach") else np.asarray(each) for each in given]
        if len(predictions) != self.weights.shape[-1]:
            raise ValueError(
                f"{len(predictions)} members for {self.weights.shape[-1]} weights: give each member that was climbed on"
            )
        if (groups is None) != (self.groups is None):
            raise ValueError(
                "the weights belong to groups of rows: give the rows' labels"
                if groups is None
                else "the weights are the same for all rows: leave the labels out"
            )
        total = predictions[0] * self._factor(0, predictions[0], groups)
        for number in range(1, len(predictions)):
            total = total + predictions[number] * self._factor(number, predictions[number], groups)
        return total

    def _factor(self, member: int, prediction: Any, labels: Any) -> Any:
        """The member's weight: a number, or an array that broadcasts over its prediction."""
        if self.weights.ndim == 1:
            return self.weights[member].item()
        weights = self.weights[..., member]
        if self.columns is not None:
            if prediction.shape[-1] != len(self.columns):
                raise ValueError(f"{prediction.shape[-1]} columns, but the weights are for {len(self.columns)}")
            weights = weights[..., self.columns]
        if self.groups is not None:
            rows = find_labels(np.asarray(labels), self.groups)
            if len(rows) != len(prediction):
                raise ValueError(f"{len(rows)} labels for {len(prediction)} rows: each row needs one")
            weights = weights[rows]
            if self.columns is None:
                weights = weights.reshape(-1, *[1] * (prediction.ndim - 1))
        if isinstance(prediction, np.ndarray):
            return weights.astype(prediction.dtype) if prediction.dtype.kind == "f" else weights
        return (prediction if prediction.is_floating_point() else prediction.float()).new_tensor(weights)


def _cell_name(row: Any, column: int, by_column: bool) -> str:
    """What a cell's weights are called: by the rows' label, the columns' group, or both."""
    parts = [*([] if row is None else [f"rows {row}"]), *([f"columns {column}"] if by_column else [])]
    return ", ".join(parts)


def find_labels(labels: NDArray[Any], known: NDArray[Any]) -> NDArray[np.int64]:
    """Place of each label in the sorted `known`; ValueError that names the first that is not there."""
    places = np.minimum(np.searchsorted(known, labels), len(known) - 1)
    strange = np.flatnonzero(known[places] != labels)
    if len(strange):
        raise ValueError(f"row {strange[0]:,}: group {labels[strange[0]]} had no rows when the weights were found")
    return places.astype(np.int64)
