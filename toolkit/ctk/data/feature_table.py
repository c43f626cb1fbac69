"""Features side by side as one table of named columns: what models of trees, and others of tables, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from ctk.errors import DataError, UsageError, nearest
from ctk.samples import Array, Samples

TEXT = "U"
"""Kind of dtype of features that are categories."""
BLOCK = 1 << 20
"""Numbers that are looked at together."""


@dataclass(frozen=True)
class FeatureTable:
    """Columns of a table, and how features become them.

    Features of one dimension are columns of their own names, of two as many as they are wide: ``NAME[3]``, or where
    they are as wide as a target of named columns, ``NAME[x_0]``. Text is a category; empty text is missing.

    widths      by feature, how many columns it becomes; columns are in the order of features
    names       (F,) of the columns
    categories  by name of a column of text, the categories that were seen, sorted; their codes are 0, 1, ...
    """

    widths: Mapping[str, int]
    names: Sequence[str]
    categories: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, samples: Samples, reads: Sequence[str] = (), without: Sequence[str] = ()) -> FeatureTable:
        """Learn the columns, and categories, of every feature of at most two dimensions.

        reads    shell patterns of the features that are read; none are all
        without  shell patterns of those that are not

        Raises UsageError for a pattern that fits no feature, and where nothing is left.
        """
        _refuse_idle([*reads, *without], samples.features)
        widths: dict[str, int] = {}
        names: list[str] = []
        categories: dict[str, list[str]] = {}
        for name, values in samples.features.items():
            if values.ndim > 2 or (reads and not _fits(name, reads)) or _fits(name, without):
                continue
            columns = _column_names(name, values, samples)
            widths[name] = len(columns)
            names += columns
            if values.dtype.kind == TEXT:
                for column, texts in zip(columns, values.reshape(len(values), -1).T, strict=True):
                    categories[column] = [text for text in np.unique(texts).tolist() if text]
        if not names:
            shapes = ", ".join(f"{name} {values.shape[1:]}" for name, values in samples.features.items())
            raise UsageError(
                f"No feature is left for a table; a sample has {shapes or 'none'}.",
                "Take features of at most one number or row of numbers a sample, or loosen reads and without.",
            )
        return cls(widths, names, categories)

    def categorical(self) -> list[int]:
        """Numbers of the columns that are categories."""
        return [number for number, name in enumerate(self.names) if name in self.categories]

    def matrix(self, samples: Samples) -> Array:
        """(N, F) float32: numbers, and codes of categories; NaN is missing, as is a category that was not seen.

        Raises DataError for a feature that is not there, of another width or kind, or infinite.
        """
        matrix = np.empty((len(samples), len(self.names)), np.float32)
        start = 0
        for name, width in self.widths.items():
            values = self._feature(samples, name, self.names[start])
            columns = slice(start, start + width)
            if values.dtype.kind == TEXT:
                for column, texts in zip(range(start, start + width), values.T, strict=True):
                    matrix[:, column] = _codes(texts, self.categories[self.names[column]])
            else:
                with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused below
                    matrix[:, columns] = values
            start += width
        self._refuse_infinite(matrix, samples)
        return matrix

    def _refuse_infinite(self, matrix: Array, samples: Samples) -> None:
        step = max(1, BLOCK // matrix.shape[1])
        for start in range(0, len(matrix), step):
            infinite = np.isinf(matrix[start : start + step])
            if infinite.any():
                row, column = np.argwhere(infinite)[0]
                raise DataError(
                    f"Feature '{self.names[column]}' is infinite for sample {samples.ids[start + row]}, or too large "
                    "for float32.",
                    "Fill it in where the data is read; NaN is read as missing.",
                )

    def _feature(self, samples: Samples, name: str, first: str) -> Array:
        """(N, width) of a feature. Raises DataError where it is not as it was learned."""
        if name not in samples.features:
            raise DataError(f"Feature '{name}' is missing.", nearest(name, samples.features, "features"))
        values = samples.features[name]
        width = self.widths[name]
        was_text, is_text = first in self.categories, values.dtype.kind == TEXT
        if values.ndim > 2 or int(np.prod(values.shape[1:])) != width or is_text != was_text:
            learned = f"{'text' if was_text else 'numbers'} ({len(samples)}, {width})"
            raise DataError(
                f"Feature '{name}' is {values.dtype} {values.shape}; {learned} were learned from.",
                "Is the data that of the run?",
            )
        return values.reshape(len(samples), width)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _refuse_idle(patterns: Sequence[str], names: Mapping[str, Array]) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UsageError(f"No feature fits '{pattern}'.", nearest(pattern, names, "features"))


def _column_names(name: str, values: Array, samples: Samples) -> list[str]:
    width = int(np.prod(values.shape[1:]))
    if values.ndim == 1 or width == 1:
        return [name]
    targets = samples.targets
    inner = range(width) if targets is None or len(targets) != width else targets.names.tolist()
    return [f"{name}[{each}]" for each in inner]


def _codes(texts: Array, categories: Sequence[str]) -> Array:
    """(N,) float32 codes of texts; NaN for those that are no category."""
    if not categories:
        return np.full(len(texts), np.nan, np.float32)
    known = np.array(categories)
    codes = np.searchsorted(known, texts).clip(max=len(known) - 1)
    return np.where(known[codes] == texts, codes, np.nan).astype(np.float32)
