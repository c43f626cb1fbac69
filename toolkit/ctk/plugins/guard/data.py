"""What a data reader made, looked at once; what is mapped from disk, some rows at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ctk.plugins.guard.arrays import NUMBERS, blocks
from ctk.plugins.guard.guard import Wrong
from ctk.samples import Array, Data, Samples

TEXT = "U"
"""Kind of dtype of numpy's text."""
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio, odd: neighbouring texts get hashes that are far apart (Knuth, TAOCP 3, 6.4)."""


def check_data(data: Data, whole: bool = True) -> None:
    """Raise Wrong for samples that are not as ``ctk.samples`` says. ``whole`` is false where the test alone was made.

    Ids are read, and targets where they number a gallery; features, groups and other targets are not, which may be
    larger than memory and may rightly hold numbers that are missing. Of 10 million rows, ids that rise take 10 ms,
    others a sort of them, and text that does not rise some seconds.
    """
    if not isinstance(data.about, str):
        raise Wrong(f"prepared a {type(data.about).__name__} that tells about the data, and a line of text is needed")
    if whole:
        check_samples(data.train, "train", target=True)
    check_samples(data.test, "test", target=False)
    if data.truth is not None:
        check_samples(data.truth, "truth", target=True)
        if not np.array_equal(data.truth.ids, data.test.ids):
            raise Wrong("prepared truth samples whose ids are not those of the test samples, in their order")


def check_samples(samples: Samples, name: str, target: bool) -> None:
    """Raise Wrong for samples that do not fit together; ``target`` says whether there must be one."""
    if not isinstance(samples, Samples):
        raise Wrong(f"prepared a {type(samples).__name__} to be the {name} samples, and ctk.samples.Samples are needed")
    ids = samples.ids
    _content(ids, f"{name} ids")
    if ids.ndim != 1 or ids.dtype.kind not in f"iu{TEXT}":
        raise Wrong(
            f"prepared {name} ids of type {ids.dtype} and shape {ids.shape}; (N,) whole numbers or text are needed"
        )
    if (twice := _first_twice(ids)) is not None:
        raise Wrong(f"prepared {name} samples of which two have the id {twice}; ids must be unique")
    rows = len(ids)
    _as_long(samples.features, rows, f"{name} feature")
    _as_long(samples.groups, rows, f"{name} group", "iu", "whole numbers")
    _as_long(samples.notes, rows, f"{name} note", TEXT, "text")
    for group, values in samples.groups.items():
        if values.ndim != 1:
            raise Wrong(f"prepared the {name} group '{group}' of shape {values.shape}, and ({rows},) is needed")
    for constant, values in samples.constants.items():
        _content(values, f"{name} constant '{constant}'")
    if samples.target is not None:
        _check_target(samples, name)
    elif target:
        raise Wrong(f"prepared {name} samples without a target")


def _check_target(samples: Samples, name: str) -> None:
    target, gallery, targets = samples.target, samples.gallery, samples.targets
    assert target is not None
    _as_long({"": target}, len(samples), f"{name} target")
    if targets is not None and (len(targets) != samples.target_width or len(targets.groups) != len(targets)):
        raise Wrong(
            f"prepared {name} targets of {samples.target_width} columns, {len(targets)} names and "
            f"{len(targets.groups)} groups of columns"
        )
    if gallery is None:
        return
    vectors = gallery.vectors
    _content(vectors, "gallery's vectors")
    _content(gallery.names, "gallery's names")
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or gallery.names.shape != (len(vectors),):
        raise Wrong(
            f"prepared a gallery of {vectors.dtype} vectors {vectors.shape} and names {gallery.names.shape}; "
            "floating (G, D) and (G,) are needed"
        )
    if target.ndim != 1 or target.dtype.kind not in "iu":
        raise Wrong(f"prepared a {name} target of {target.dtype} {target.shape}; with a gallery it numbers its rows")
    for rows in blocks(vectors):
        if not np.isfinite(vectors[rows]).all():
            row = rows.start + int((~np.isfinite(vectors[rows])).any(axis=1).argmax())
            raise Wrong(f"prepared a gallery whose vector {gallery.names[row]} (row {row:,}) is not finite")
    for rows in blocks(target):
        outside = (target[rows] < 0) | (target[rows] >= len(vectors))
        if outside.any():
            row = rows.start + int(outside.argmax())
            raise Wrong(
                f"prepared {name} sample {samples.ids[row]} with target {target[row]}, and the gallery has "
                f"{len(vectors):,} rows"
            )


def _as_long(arrays: Mapping[str, Array], rows: int, what: str, kinds: str = "", wanted: str = "") -> None:
    for name, values in arrays.items():
        shown = f"{what} '{name}'" if name else what
        _content(values, shown)
        if values.ndim == 0 or len(values) != rows:
            raise Wrong(f"prepared the {shown} of shape {values.shape} for {rows:,} ids")
        if kinds and values.dtype.kind not in kinds:
            raise Wrong(f"prepared the {shown} of type {values.dtype}, and {wanted} are needed")


def _content(values: object, what: str) -> None:
    if not isinstance(values, np.ndarray):
        raise Wrong(f"prepared the {what} as a {type(values).__name__}, and an array is needed")
    if values.dtype.kind not in f"{NUMBERS}{TEXT}":
        raise Wrong(f"prepared the {what} of type {values.dtype}; numbers or text are needed")


def _first_twice(ids: Array) -> object:
    """An id that is there twice, or None. Ids that rise, as most do, are neither sorted nor looked up in a table."""
    parts = list(blocks(ids))
    if all((ids[part][1:] > ids[part][:-1]).all() for part in parts) and all(
        ids[part.start] > ids[part.start - 1] for part in parts[1:]
    ):
        return None
    keys = ids if ids.dtype.kind in "iu" else np.concatenate([_hashes(ids[part]) for part in parts])
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice) or keys is ids:
        return twice[0] if len(twice) else None
    texts, counts = np.unique(ids[np.isin(keys, twice)], return_counts=True)  # two texts may have one hash
    return next(iter(texts[counts > 1]), None)


def _hashes(texts: Array) -> Array:
    """(N,) uint64 of (N,) texts: polynomials in their characters, modulo 2**64."""
    hashes = np.zeros(len(texts), np.uint64)
    for characters in np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), -1).T:
        hashes = hashes * MULTIPLIER + characters
    return hashes
