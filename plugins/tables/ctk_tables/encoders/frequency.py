"""How frequent a category is among the training rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ctk.contract import Columns, Done, Extractor
from ctk.errors import UsageError, nearest
from ctk.files import atomic, reading
from ctk.samples import Array, Samples
from ctk_tables.encoders.text_columns import text_columns

STATE = "frequency.npz"


class Frequency(Extractor):
    """How many other training rows have the category that a row has, of those of the fold alone.

    A training row does not count itself, as a row that is predicted is not counted; a category of no training row has
    0. Missing values are a category too.

    by  features of one column, or groups, whose values are counted; none: every feature that is text
    """

    learns = True

    def __init__(self, *, by: Annotated[list[str], Field(min_length=1)] | None = None) -> None:
        self.by = by

    def fit(self, train: Samples) -> None:
        """Count the rows of each category."""
        names = text_columns(train, "frequency") if self.by is None else self.by
        self.tables = {name: np.unique(_values(train, name), return_counts=True) for name in names}

    def extract(self, samples: Samples, progress: Done) -> Columns:
        """``BY`` (N,) float32 for each of ``by``."""
        columns: dict[str, Array] = {}
        for number, (name, (values, counts)) in enumerate(self.tables.items(), start=1):
            asked = _values(samples, name)
            place = np.searchsorted(values, asked).clip(max=len(values) - 1)
            found = values[place]
            known = (found == asked) | ((found != found) & (asked != asked))
            columns[name] = np.where(known, counts[place], 0).astype(np.float32)
            progress(number, len(self.tables))
        return columns

    def fit_extract(self, train: Samples, progress: Done) -> Columns:
        """Count, and leave each row out of its own count."""
        self.fit(train)
        return {name: counts - 1 for name, counts in self.extract(train, progress).items()}

    def save(self, folder: Path) -> None:
        """Write ``frequency.npz``."""
        arrays = {"names": np.array(list(self.tables))}
        for number, (values, counts) in enumerate(self.tables.values()):
            arrays |= {f"{number}-values": values, f"{number}-counts": counts}
        with atomic(folder / STATE) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    def load(self, folder: Path) -> None:
        """Read ``frequency.npz``. Raises DamagedError."""
        with reading(folder / STATE) as file, np.load(file, allow_pickle=False) as arrays:
            self.tables = {
                name: (arrays[f"{number}-values"], arrays[f"{number}-counts"])
                for number, name in enumerate(arrays["names"].tolist())
            }


def _values(samples: Samples, name: str) -> Array:
    """(N,) values of a feature or group. Raises UsageError where it is neither, or has several columns."""
    known = {**samples.groups, **samples.features}
    if name not in known:
        raise UsageError(
            f"frequency counts '{name}', which is neither a feature nor a group of the samples.",
            nearest(name, known, "features and groups"),
        )
    if known[name].ndim != 1:
        raise UsageError(f"frequency counts '{name}', which has {known[name].shape[1:]} numbers a row, not one.")
    return np.asarray(known[name])
