"""Groups of rows and of columns, each pair of which has weights of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend.inputs import ClimbInputs


@dataclass(frozen=True)
class Cell:
    """One pair of groups: its numbers, and the rows and columns it covers; None stands for all."""

    place: tuple[int, int]
    rows: NDArray[np.int64] | None
    columns: NDArray[np.int64] | None

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """The cell's part of an array (N,) or (N, T)."""
        if self.rows is not None:
            array = array[self.rows]
        return array if self.columns is None or array.ndim == 1 else array[:, self.columns]


@dataclass(frozen=True)
class Cells:
    """How rows and columns are grouped.

    groups, columns  sorted labels, or None where there are no groups
    group_of_row     (N,) and group_of_column (T,): numbers of the groups, or None
    """

    groups: NDArray[Any] | None
    columns: NDArray[Any] | None
    group_of_row: NDArray[np.int64] | None
    group_of_column: NDArray[np.int64] | None

    @classmethod
    def find(cls, data: ClimbInputs, groups: Sequence[Any] | None, columns: Sequence[Any] | None) -> Cells:
        """Groups by their labels; ValueError where there is not one label for each row and column."""
        if columns is not None and (data.members[0].ndim == 1 or data.classes):
            raise ValueError("columns groups columns of predictions (M, N, T): these have no columns of their own")
        row_labels, group_of_row = _number(groups, data.rows, "groups", "rows")
        column_labels, group_of_column = _number(columns, data.columns, "columns", "columns")
        return cls(row_labels, column_labels, group_of_row, group_of_column)

    @property
    def shape(self) -> tuple[int, int]:
        return (
            1 if self.groups is None else len(self.groups),
            1 if self.columns is None else len(self.columns),
        )

    def order(self, rows: int) -> tuple[NDArray[np.int64] | None, list[int]]:
        """The rows group by group (None where they lie so), and where each group starts."""
        if self.group_of_row is None:
            return None, [0, rows]
        counts = np.bincount(self.group_of_row, minlength=self.shape[0])
        return np.argsort(self.group_of_row, kind="stable"), [0, *np.cumsum(counts).tolist()]

    def __iter__(self) -> Iterator[Cell]:
        for row in range(self.shape[0]):
            rows = None if self.group_of_row is None else np.flatnonzero(self.group_of_row == row)
            for column in range(self.shape[1]):
                columns = None if self.group_of_column is None else np.flatnonzero(self.group_of_column == column)
                yield Cell((row, column), rows, columns)

    def name(self, cell: Cell) -> str:
        """For messages: the groups that the cell is of."""
        parts = []
        if self.groups is not None:
            parts.append(f"group {self.groups[cell.place[0]]}")
        if self.columns is not None:
            parts.append(f"columns {self.columns[cell.place[1]]}")
        return ", ".join(parts) or "all rows"

    def assemble(self, data: ClimbInputs, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The blend (N,) or (N, T) in double, from weights (row groups, column groups, M)."""
        total = np.zeros(data.members[0].shape)
        for number, member in enumerate(data.members):
            if weights[..., number].any():
                total += member * self.spread(weights[..., number], member.ndim)
        return total

    def spread(self, weights: NDArray[np.float64], dimensions: int) -> NDArray[np.float64]:
        """One member's weights (row groups, column groups) as an array that broadcasts over its (N,) or (N, T)."""
        weights = weights if self.group_of_row is None else weights[self.group_of_row]
        weights = weights if self.group_of_column is None else weights[:, self.group_of_column]
        return weights[:, 0] if dimensions == 1 else weights

    def squeeze(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights (row groups, column groups, M) without the axes that have no groups."""
        if self.columns is None:
            weights = weights[:, 0]
        return weights[0] if self.groups is None else weights


def _number(
    labels: Sequence[Any] | None, count: int, name: str, what: str
) -> tuple[NDArray[Any] | None, NDArray[np.int64] | None]:
    if labels is None:
        return None, None
    array = np.asarray(labels)
    if array.shape != (count,):
        raise ValueError(f"{name} is of shape {array.shape} for {count:,} {what}: one label for each is needed")
    found, numbers = np.unique(array, return_inverse=True)
    return found, numbers.astype(np.int64)
