"""Bins of rows, each of which has weights of its own in a blend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ctk.errors import UsageError
from ctk.samples import Array, Samples


@dataclass(frozen=True)
class RowBins:
    """Bins of the rows of samples, by their numbers in a group.

    by    the group
    bins  (B,) of the lowest and the highest number of each, both inside

    Raises UsageError for a bin that is empty by itself, and for two that share a number.
    """

    by: str
    bins: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        for low, high in self.bins:
            if low > high:
                raise UsageError(f"Bin [{low}, {high}] of '{self.by}' is empty.", "Give the lower number first.")
        for one, next in zip(ordered := sorted(self.bins), ordered[1:], strict=False):
            if next[0] <= one[1]:
                raise UsageError(
                    f"Bins {list(one)} and {list(next)} of '{self.by}' share the number {next[0]}.",
                    "A row has the weights of one bin.",
                )

    @property
    def names(self) -> list[str]:
        """What each bin is called: "scene-rows 1 to 2", or "scene-rows 1" where it has one number."""
        return [f"{self.by} {low}" if low == high else f"{self.by} {low} to {high}" for low, high in self.bins]

    def number(self, samples: Samples, what: str = "sample") -> Array:
        """Return the number of each row's bin, (N,) int64.

        Raises UsageError for an unknown group, and for the first row that falls into no bin.
        """
        numbers = samples.group(self.by)
        found = np.full(len(numbers), -1, dtype=np.int64)
        for place, (low, high) in enumerate(self.bins):
            found[(numbers >= low) & (numbers <= high)] = place
        if len(outside := np.flatnonzero(found < 0)):
            row = outside[0]
            raise UsageError(
                f"{what} {samples.ids[row]}: its {self.by} is {numbers[row]}, which is in none of the blend's bins.",
                f"They hold {', '.join(str(list(each)) for each in self.bins)}; let them cover every number.",
            )
        return found


def choose_bins(by: str | None, bins: Sequence[tuple[int, int]], where: str) -> RowBins | None:
    """Make the bins that config keys below ``where`` ask for; None for none. Raises UsageError for half of them."""
    if by is None and not bins:
        return None
    if by is None or not bins:
        have, lack = ("bins", "by") if by is None else ("by", "bins")
        raise UsageError(
            f"Config key '{where}.{have}' needs '{where}.{lack}' beside it.", f"Such as {where}.{lack}={EXAMPLE[lack]}."
        )
    return RowBins(by, tuple((low, high) for low, high in bins))


EXAMPLE = {"by": "GROUP", "bins": "[[1, 2], [3, 6]]"}
