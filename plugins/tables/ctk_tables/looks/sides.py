"""What a look looks at: the samples of both sides, and which column of the files each feature is of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ctk.samples import Array, Samples
from ctk_tables.description import Kind, TableDescription
from ctk_tables.looks.scoring import CELLS, FEWEST, ROWS, Question, coded, drawn
from ctk_tables.reading import feature_names

MOST_TARGETS = 32
"""Of more targets, the first so many are looked at."""
FEWEST_ROWS = 50
"""Of fewer rows nothing is said that has to be learned."""


@dataclass(frozen=True)
class Sides:
    """Samples of train and test as ``TableReader`` makes them, with their description."""

    train: Samples
    test: Samples
    description: TableDescription
    seed: int = 0

    def features(self, *kinds: Kind) -> dict[str, str]:
        """Map features that both sides have to the column they are of; of some kinds, or of all but text."""
        wanted = set(kinds) or {"number", "boolean", "category", "date"}
        found = {}
        for name in self.train.features:
            column = self.column_of(name)
            if name in self.test.features and column is not None and self.description.columns[column].kind in wanted:
                found[name] = column
        return found

    def column_of(self, feature: str) -> str | None:
        """Name the column that a feature is of, as ``COL/year`` is of COL."""
        return self._columns.get(feature) or self._columns.get(feature.rpartition("/")[0])

    @cached_property
    def _columns(self) -> dict[str, str]:
        return {name: column for column, name in feature_names(self.description.columns).items()}

    def questions(self, rows: Array) -> list[Question]:
        """Return what is asked of some rows of train: the classes together, else each target."""
        target = self.train.target
        if target is None:
            return []
        values = np.asarray(target, np.float32)[rows]
        if self.description.task == "classes":
            return [Question(values, False, self.description.targets[0])]
        ranked = self.description.task != "binary"
        return [
            Question(values[:, k : k + 1], ranked, name)
            for k, name in enumerate(self.description.targets[:MOST_TARGETS])
        ]

    def rows_of_train(self, columns: int) -> Array:
        """Draw rows of train to score so many columns by, one by one."""
        return drawn(len(self.train), min(ROWS, max(FEWEST, CELLS // max(1, columns))), self.seed)


def unfolded(samples: Samples) -> Samples:
    """Samples with a feature a column also where the reader made one (N, K) of many, whose constant names them."""
    features: dict[str, Array] = {}
    for name, values in samples.features.items():
        if name in samples.constants and np.ndim(values) == 2:
            features |= {str(column): values[:, k] for k, column in enumerate(samples.constants[name])}
        else:
            features[name] = values
    return replace(samples, features=features)


def matrix_of(samples: Samples, names: list[str], rows: Array) -> Array:
    """Numbers (R, F) float32 of some features and rows of samples, NaN missing; see ``coded``."""
    columns = [coded(np.asarray(samples.features[name])[rows]) for name in names]
    return np.stack(columns, axis=1) if columns else np.empty((len(rows), 0), np.float32)


def listed(names: list[str], most: int = 5) -> str:
    """Set names in a sentence: ```a`, `b` and 3 more``."""
    shown = [f"`{name}`" for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
