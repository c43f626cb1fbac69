"""Truncated singular value decomposition: many columns as the few combinations of them that vary most."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from ctk.contract import Columns, Count, Done, Extractor
from ctk.errors import DamagedError, UsageError
from ctk.files import atomic, reading
from ctk.samples import Array, Samples

ROWS = 16384
"""Rows looked at together, so that memory holds a block of them and the products of columns."""
STATE = "svd.npz"


class SVD(Extractor):
    """Project features on their first right singular vectors, about the training rows' means.

    It reads the features that the config's ``of`` gives it, else those of the data, that are numbers of at most two
    dimensions. NaN counts as the column's mean. The largest entry of each vector is positive, so that signs depend on
    no library. The vectors are the eigenvectors of the columns' products in float64: exact for what float32 can tell,
    and no more memory than columns times columns.

    size     numbers that are left; of fewer columns as many as those. What is beyond their rank is 0
    columns  shell patterns that the features' names fit; none are all
    each     every feature is decomposed by itself into a column of its name, instead of all of them side by side
    """

    learns = True

    def __init__(self, *, size: Count = 10, columns: list[str] | None = None, each: bool = False) -> None:
        self.size = size
        self.columns = columns
        self.each = each

    def fit(self, train: Samples) -> None:
        """Find the means (D,) and vectors (D, size) of each matrix. Raises UsageError where no feature can be read."""
        names = self._names(train)
        matrices = {name: [name] for name in names} if self.each else {"": names}
        self.maps = {name: (read, *self._fit(train, read)) for name, read in matrices.items()}

    def extract(self, samples: Samples, progress: Done) -> Columns:
        """(N, size) float32 for each matrix."""
        columns: dict[str, Array] = {}
        for number, (name, (read, mean, vectors)) in enumerate(self.maps.items(), start=1):
            blocks = [_centred(block, mean) @ vectors for block in _blocks(samples, read)]
            columns[name] = np.concatenate([np.zeros((0, vectors.shape[1])), *blocks]).astype(np.float32)
            progress(number, len(self.maps))
        return columns

    def save(self, folder: Path) -> None:
        """Write ``svd.npz``."""
        arrays: dict[str, Any] = {"names": np.array(list(self.maps))}
        for number, (read, mean, vectors) in enumerate(self.maps.values()):
            arrays |= {f"{number}-read": np.array(read), f"{number}-mean": mean, f"{number}-vectors": vectors}
        with atomic(folder / STATE) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)

    def load(self, folder: Path) -> None:
        """Read ``svd.npz``. Raises DamagedError."""
        with reading(folder / STATE) as file, np.load(file, allow_pickle=False) as arrays:
            self.maps = {
                name: (arrays[f"{number}-read"].tolist(), arrays[f"{number}-mean"], arrays[f"{number}-vectors"])
                for number, name in enumerate(arrays["names"].tolist())
            }
        for _, mean, vectors in self.maps.values():
            if vectors.ndim != 2 or mean.shape != vectors.shape[:1]:
                raise DamagedError(f"{folder / STATE}: means and vectors do not go together.", "Fit the member anew.")

    def _names(self, samples: Samples) -> list[str]:
        known = self.of or samples.features
        numbers = [name for name in known if samples.features[name].dtype.kind in "biuf"]
        flat = [name for name in numbers if samples.features[name].ndim <= 2]
        fits = [name for name in flat if self.columns is None or any(fnmatchcase(name, each) for each in self.columns)]
        if not fits:
            raise UsageError(
                "svd finds no feature to read"
                + ("." if self.columns is None else f" among {', '.join(self.columns)}."),
                f"Features that it can read: {', '.join(flat) or 'none'}.",
            )
        return fits

    def _fit(self, train: Samples, read: list[str]) -> tuple[Array, Array]:
        total, count = np.zeros(()), np.zeros(())
        for block in _blocks(train, read):
            total = total + np.nansum(block, axis=0)
            count = count + (~np.isnan(block)).sum(axis=0)
        mean = total / np.maximum(count, 1)
        gram = np.zeros((len(mean), len(mean)))
        for block in _blocks(train, read):
            centred = _centred(block, mean)
            gram += centred.T @ centred
        return mean, _first_vectors(gram, min(self.size, len(mean)))


def _first_vectors(gram: Array, size: int) -> Array:
    """(D, size) eigenvectors of the largest eigenvalues of (D, D), largest first; 0 beyond the rank."""
    from scipy.linalg import eigh  # late: a run without this extractor need not wait for it

    last = len(gram) - 1
    values, vectors = eigh(gram, subset_by_index=(last - size + 1, last))
    values, vectors = values[::-1], vectors[:, ::-1]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(size)]
    is_some = values > values[0] * len(gram) * np.finfo(np.float64).eps
    return np.asarray(vectors * np.where(largest < 0, -1, 1) * is_some)


def _centred(values: Array, mean: Array) -> Array:
    centred: Array = np.nan_to_num(values - mean, nan=0.0)
    return centred


def _blocks(samples: Samples, read: list[str]) -> Iterator[Array]:
    """Features side by side, (n, D) float64, some thousand rows at a time."""
    starts = range(0, len(samples), ROWS)
    parts = (samples.take(np.arange(start, min(start + ROWS, len(samples)))) for start in starts)
    return (
        np.concatenate([np.asarray(part.features[name], np.float64).reshape(len(part), -1) for name in read], axis=1)
        for part in parts
    )
