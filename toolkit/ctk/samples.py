"""The nouns of data: samples, the gallery their targets may point into, and what a data reader returns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ctk.errors import DamagedError, UsageError, nearest
from ctk.files import read_json, read_npy

__all__ = ["Array", "Data", "Gallery", "MappedRows", "Samples", "Targets"]

Array = np.ndarray[Any, Any]
"""An array of numpy's; docstrings give its shape and dtype."""

ARRAYS = "arrays.json"
"""In a folder of samples, the names of its arrays."""
LARGE = 128 << 20
"""Bytes: so many scattered rows of a memory-mapped feature are left on disk when samples are taken."""


class MappedRows(NDArrayOperatorsMixin):
    """Rows (R,) int64 of a memory-mapped array (N, ...) that are read when they are looked at, like an array (R, ...).

    A row may be there many times, as a picture of which much is asked: samples save it once.
    Indexing reads what is asked for, of rows that one index array or slice names. All else, whatever an array can do,
    reads all of it first, each time anew: whoever needs that twice keeps ``np.asarray`` of it.
    """

    def __init__(self, mapped: Array, rows: Array) -> None:
        self.mapped, self.rows = mapped, rows
        self.dtype, self.ndim, self.shape = mapped.dtype, mapped.ndim, (len(rows), *mapped.shape[1:])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: Any) -> Any:
        first, rest = (at[0], at[1:]) if isinstance(at, tuple) and at else (at, ())
        if first is Ellipsis or first is None or (rest and not isinstance(first, int | slice)):
            return np.asarray(self)[at]
        found = self.mapped[self.rows[first]]
        return found[(slice(None), *rest) if isinstance(first, slice) else rest] if rest else found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        whole = self.mapped[self.rows]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        read = (np.asarray(each) if isinstance(each, MappedRows) else each for each in inputs)
        return getattr(ufunc, method)(*read, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(np.asarray(self), name)

    def __reduce__(self) -> Any:
        return np.asarray, (np.asarray(self),)


def _take_rows(values: Array, rows: Array | slice) -> Array:
    """Take rows of an array (N, ...), as ``MappedRows`` where they are scattered in a large one that is mapped."""
    if isinstance(values, MappedRows):
        values, rows = values.mapped, _slice_of(values.rows[rows])
    elif not isinstance(values, np.memmap):
        return values[rows]
    if isinstance(rows, slice):
        return values[rows]
    numbers = np.flatnonzero(rows) if rows.dtype == bool else rows
    if len(numbers) * math.prod(values.shape[1:]) * values.itemsize < LARGE:
        return values[numbers]
    return cast("Array", MappedRows(values, numbers))


@dataclass(frozen=True)
class Gallery:
    """Things to be retrieved, when a target is one of many.

    vectors  (G, D) float32
    names    (G,) str, for people and for finding files
    """

    vectors: Array
    names: Array

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True)
class Targets:
    """What the T columns of a wide target are called.

    names   (T,) str, in the submission's order
    groups  (T,) str: columns of one name belong together, to be fine-tuned or blended apart from the others
    """

    names: Array
    groups: Array

    def __len__(self) -> int:
        return len(self.names)

    def by_group(self) -> dict[str, Array]:
        """Numbers of the columns (C,) of each group, groups in order of their first column."""
        return {group: np.flatnonzero(self.groups == group) for group in dict.fromkeys(self.groups.tolist())}


@dataclass(frozen=True)
class Samples:
    """Rows with an id.

    ids        (N,) int64 or str, unique
    features   by name, (N, ...) arrays that models read
    target     (N, ...) or None where it is not known; with a gallery, (N,) int64 rows of it. It may be text, (N,) str:
               then predictions are such text too. One of whole numbers (N,) may be of classes or choices, from 0: then
               predictions may be a score for each of them, (N, C)
    groups     by name, (N,) int64: rows that must stay on one side of a split
    notes      by name, (N,) str: for people and filters, never for models
    constants  by name, arrays that hold for all samples: means, scales, weights of columns
    targets    what the columns of the target are called, where there are several
    gallery    what targets point into, for retrieval
    """

    ids: Array
    features: Mapping[str, Array]
    target: Array | None = None
    groups: Mapping[str, Array] = field(default_factory=dict)
    notes: Mapping[str, Array] = field(default_factory=dict)
    constants: Mapping[str, Array] = field(default_factory=dict)
    targets: Targets | None = None
    gallery: Gallery | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Array) -> Samples:
        """The samples at these row numbers (or where a boolean mask holds); constants and gallery stay whole.

        Rows that follow one another are a view, so that a part of a table larger than memory stays on disk. Others of
        a large memory-mapped feature are ``MappedRows``.
        """
        of = _slice_of(rows)
        return replace(
            self,
            ids=self.ids[of],
            features={name: _take_rows(values, of) for name, values in self.features.items()},
            target=None if self.target is None else self.target[of],
            groups={name: values[of] for name, values in self.groups.items()},
            notes={name: values[of] for name, values in self.notes.items()},
        )

    def with_own_gallery(self) -> Samples:
        """Copy the samples with only the gallery entries they point at, in gallery order."""
        assert self.gallery is not None
        assert self.target is not None
        used, target = np.unique(self.target, return_inverse=True)
        return replace(
            self, target=target.astype(np.int64), gallery=Gallery(self.gallery.vectors[used], self.gallery.names[used])
        )

    def target_values(self) -> Array:
        """What is to be predicted, (N, D) or (N,) text: the target itself, or the gallery vectors it points at."""
        if self.target is None:
            raise ValueError("these samples have no target")
        return self.target if self.gallery is None else self.gallery.vectors[self.target]

    @property
    def target_width(self) -> int:
        """D of ``target_values``, without making them."""
        if self.gallery is not None:
            return int(self.gallery.vectors.shape[1])
        if self.target is None:
            raise ValueError("these samples have no target")
        return int(np.prod(self.target.shape[1:], dtype=np.int64))

    @property
    def predicts_text(self) -> bool:
        """Whether what is predicted of these samples is text; false where their target is not known."""
        return self.target is not None and self.target.dtype.kind == "U"

    def group(self, name: str) -> Array:
        """Group numbers by name, (N,) int64; raises UsageError with the names there are."""
        if name not in self.groups:
            raise UsageError(f"The samples have no group '{name}'.", nearest(name, self.groups, "groups"))
        return self.groups[name]

    def save(self, folder: Path) -> None:
        """Write one .npy an array, so that ``open`` can map them into memory in every worker.

        ``MappedRows`` with a row many times are written once, ``NAME.npy``, and ``NAME.rows.npy`` says which are where.
        """
        arrays = dict(self._arrays())
        for name, values in arrays.items():
            path = folder / f"{name}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            if f"{name}.rows" not in arrays:
                path.with_name(f"{path.stem}.rows.npy").unlink(missing_ok=True)
                if isinstance(values, MappedRows):
                    _save_once(values, path)
                    continue
            np.save(path, values, allow_pickle=False)
        (folder / ARRAYS).write_text(json.dumps(list(arrays)))

    @classmethod
    def open(cls, folder: Path) -> Samples:
        """Samples written by ``save``, memory-mapped read-only. Raises DamagedError."""
        names = read_json(folder / ARRAYS, list[str])
        arrays = {name: read_npy(folder / f"{name}.npy") for name in names}
        for name in names:
            rows = folder / f"{name}.rows.npy"
            if f"{name}.rows" not in arrays and rows.exists():
                arrays[name] = cast("Array", _rows_of(arrays[name], read_npy(rows), rows))

        def under(room: str) -> dict[str, Array]:
            return {name.split("/", 1)[1]: values for name, values in arrays.items() if name.startswith(f"{room}/")}

        gallery, targets = under("gallery"), under("targets")
        return cls(
            ids=arrays["ids"],
            features=under("features"),
            target=arrays.get("target"),
            groups=under("groups"),
            notes=under("notes"),
            constants=under("constants"),
            targets=Targets(**targets) if targets else None,
            gallery=Gallery(**gallery) if gallery else None,
        )

    def _arrays(self) -> list[tuple[str, Array]]:
        named: list[tuple[str, Array]] = [("ids", self.ids)]
        rooms = {"features": self.features, "groups": self.groups, "notes": self.notes, "constants": self.constants}
        for room, arrays in rooms.items():
            named += [(f"{room}/{name}", values) for name, values in arrays.items()]
        if self.target is not None:
            named.append(("target", self.target))
        if self.targets is not None:
            named += [("targets/names", self.targets.names), ("targets/groups", self.targets.groups)]
        if self.gallery is not None:
            named += [("gallery/vectors", self.gallery.vectors), ("gallery/names", self.gallery.names)]
        return named


@dataclass(frozen=True)
class Data:
    """What a data reader returns.

    train   samples with targets; none where only the test was prepared
    test    samples to be predicted, in the submission's order
    truth   the test samples with their targets, only where they are public
    folder  where the files lie
    about   one line for people: what this is and how much of it
    files   folder of further files by sample or gallery name (pictures), if there is one
    """

    train: Samples
    test: Samples
    folder: Path
    about: str
    truth: Samples | None = None
    files: Path | None = None

    def save(self, place: Path) -> None:
        """Write all samples below a folder; ``about.json`` comes last."""
        self.train.save(place / "train")
        self.save_test(place)

    def save_test(self, place: Path) -> None:
        """Write all but the training samples, which may be much larger."""
        self.test.save(place / "test")
        if self.truth is not None:
            self.truth.save(place / "truth")
        (place / "about.json").write_text(json.dumps(self.about))

    @classmethod
    def open(cls, place: Path, folder: Path, files: Path | None) -> Data:
        """Data written by ``save`` or ``save_test``, memory-mapped; ``folder`` and ``files`` are where they lie now.

        Raises DamagedError.
        """
        try:
            return cls._open(place, folder, files)
        except DamagedError as error:
            raise DamagedError(error.problem, f"Remove {place}, and it is made anew.") from error

    @classmethod
    def _open(cls, place: Path, folder: Path, files: Path | None) -> Data:
        train, truth = place / "train", place / "truth"
        test = Samples.open(place / "test")
        return cls(
            train=Samples.open(train) if train.exists() else test.take(np.arange(0)),
            test=test,
            truth=Samples.open(truth) if truth.exists() else None,
            folder=folder,
            files=files,
            about=read_json(place / "about.json", str),
        )


def _save_once(values: MappedRows, path: Path) -> None:
    """Write the rows that are used of an array, some at a time, and which of them are where."""
    if not len(values):
        np.save(path, np.asarray(values), allow_pickle=False)
        return
    used, place = np.unique(values.rows, return_inverse=True)
    if len(used) == len(values):  # none is there twice
        used, place = values.rows, np.arange(0)
    whole = np.lib.format.open_memmap(path, "w+", values.dtype, (len(used), *values.shape[1:]))
    step = max(1, LARGE // max(1, math.prod(values.shape[1:]) * values.dtype.itemsize))
    for start in range(0, len(used), step):
        whole[start : start + step] = values.mapped[used[start : start + step]]
    whole.flush()
    if len(place):
        np.save(path.with_name(f"{path.stem}.rows.npy"), place, allow_pickle=False)


def _rows_of(values: Array, rows: Array, path: Path) -> MappedRows:
    """Rows as ``_save_once`` wrote them. Raises DamagedError for such as are not there."""
    whole = rows.ndim == 1 and rows.dtype.kind in "iu" and values.ndim > 0
    if not whole or (len(rows) and not 0 <= rows.min() <= rows.max() < len(values)):
        raise DamagedError(f"{path}: names rows that the array beside it has not.", "Was it damaged?")
    return MappedRows(values, rows)


def _slice_of(rows: Array) -> Array | slice:
    """Rows that follow one another as a slice, others as they are."""
    rows = np.asarray(rows)
    if rows.dtype != bool and len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
