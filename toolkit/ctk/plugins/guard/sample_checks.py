"""Checks of the samples that a data reader made, each looked at once."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ctk.errors import DamagedError
from ctk.files import read_json
from ctk.plugins.guard.array_checks import NUMBERS, first_row, row_blocks
from ctk.plugins.guard.failures import ContractViolation, require
from ctk.samples import ARRAYS, Array, Data, MappedRows, Samples

INT64 = np.iinfo(np.int64).max
TEXT = "U"
"""Kind of dtype of numpy's text."""
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio, odd: neighbouring texts get hashes that are far apart (Knuth, TAOCP 3, 6.4)."""


def check_data(data: Data, whole: bool = True) -> None:
    """Raise ContractViolation for samples that are not as ``ctk.samples`` says.

    whole  false where the test alone was made

    Ids are read, and targets where they number a gallery; features, groups and other targets are not, which may be
    larger than memory and may rightly hold numbers that are missing. Of 10 million rows, ids that rise take 10 ms,
    others a sort of them, and text that does not rise some seconds.
    """
    about = type(data.about).__name__
    require(about == "str", f"prepared a {about} that tells about the data, and a line of text is needed")
    if whole:
        check_samples(data.train, "train", target=True)
    check_samples(data.test, "test", target=False)
    if data.truth is not None:
        check_samples(data.truth, "truth", target=True)
        same = np.array_equal(data.truth.ids, data.test.ids)
        require(same, "prepared truth samples whose ids are not those of the test samples, in their order")


def check_prepared(place: Path, folder: Path, *needed: str) -> None:
    """Raise ContractViolation for what a reader prepared wrongly, or not at all, and throw it away.

    A reader that was mended would take it for its own work, and go on from it.
    """
    try:
        for name in needed:
            require((place / name / ARRAYS).is_file(), f"prepared no {name} samples")
            require("ids" in read_json(place / name / ARRAYS), f"prepared {name} samples without ids")
        about = (place / "about.json").is_file()
        require(about, "prepared no about.json, the line that tells about the data")
        check_data(Data.open(place, folder, None), whole="train" in needed)
    except ContractViolation:
        shutil.rmtree(place)
        raise
    except DamagedError as error:
        shutil.rmtree(place)
        raise ContractViolation(f"prepared what cannot be read: {error.problem.rstrip('.')}") from error


def check_samples(samples: Samples, name: str, target: bool) -> None:
    """Raise ContractViolation for samples that do not fit together; ``target`` says whether there must be one."""
    told = f"prepared a {type(samples).__name__} to be the {name} samples, and ctk.samples.Samples are needed"
    require(isinstance(samples, Samples), told)
    ids = samples.ids
    _check_content(ids, f"{name} ids")
    told = f"prepared {name} ids of type {ids.dtype} and shape {ids.shape}; (N,) whole numbers or text are needed"
    require(ids.ndim == 1 and ids.dtype.kind in f"iu{TEXT}", told)
    large = first_row(ids, lambda part: part > INT64) if ids.dtype == np.uint64 else None
    require(large is None, f"prepared {name} samples of which one has an id beyond int64, number {large} from 0")
    twice = _first_twice(ids)
    require(twice is None, f"prepared {name} samples of which two have the id {twice}; ids must be unique")
    rows = len(ids)
    _check_rows(samples.features, rows, f"{name} feature")
    _check_rows(samples.groups, rows, f"{name} group", "iu", "whole numbers")
    _check_rows(samples.notes, rows, f"{name} note", TEXT, "text")
    for group, values in samples.groups.items():
        told = f"prepared the {name} group '{group}' of shape {values.shape}, and ({rows},) is needed"
        require(values.ndim == 1, told)
    for constant, values in samples.constants.items():
        _check_content(values, f"{name} constant '{constant}'")
    require(not target or samples.target is not None, f"prepared {name} samples without a target")
    if samples.target is not None:
        _check_target(samples, samples.target, name)


def _check_target(samples: Samples, target: Array, name: str) -> None:
    _check_rows({"": target}, len(samples), f"{name} target")
    told = f"prepared the {name} target as text of shape {target.shape}; text is ({len(samples)},)"
    require(not samples.predicts_text or target.ndim == 1, told)
    if (targets := samples.targets) is not None:
        names, groups, width = len(targets), len(targets.groups), samples.target_width
        told = f"prepared {name} targets of {width} columns, {names} names and {groups} groups of columns"
        require(names == width == groups, told)
    if (gallery := samples.gallery) is None:
        return
    vectors = gallery.vectors
    _check_content(vectors, "gallery's vectors")
    _check_content(gallery.names, "gallery's names")
    names_shape = gallery.names.shape
    told = f"prepared a gallery of {vectors.dtype} vectors {vectors.shape} and names {names_shape}"
    fits = vectors.ndim == 2 and vectors.dtype.kind == "f" and names_shape == (len(vectors),)
    require(fits, f"{told}; floating (G, D) and (G,) are needed")
    told = f"prepared a {name} target of {target.dtype} {target.shape}; with a gallery it numbers its rows"
    require(target.ndim == 1 and target.dtype.kind in "iu", told)
    row = first_row(vectors, lambda part: ~np.isfinite(part).all(axis=1))
    if row is not None:
        raise ContractViolation(f"prepared a gallery whose vector {gallery.names[row]} (row {row:,}) is not finite")
    row = first_row(target, lambda part: (part < 0) | (part >= len(vectors)))
    if row is not None:
        told = f"prepared {name} sample {samples.ids[row]} with target {target[row]}"
        raise ContractViolation(f"{told}, and the gallery has {len(vectors):,} rows")


def _check_rows(arrays: Mapping[str, Array], rows: int, what: str, kinds: str = "", wanted: str = "") -> None:
    for name, values in arrays.items():
        shown = f"{what} '{name}'" if name else what
        _check_content(values, shown)
        fits = values.ndim > 0 and len(values) == rows
        require(fits, f"prepared the {shown} of shape {values.shape} for {rows:,} ids")
        told = f"prepared the {shown} of type {values.dtype}, and {wanted} are needed"
        require(not kinds or values.dtype.kind in kinds, told)


def _check_content(values: object, what: str) -> None:
    if not isinstance(values, np.ndarray | MappedRows):
        raise ContractViolation(f"prepared the {what} as a {type(values).__name__}, and an array is needed")
    told = f"prepared the {what} of type {values.dtype}; numbers or text are needed"
    require(values.dtype.kind in f"{NUMBERS}{TEXT}", told)


def _first_twice(ids: Array) -> object:
    """An id that is there twice, or None. Ids that rise, as most do, are neither sorted nor looked up in a table."""
    parts = list(row_blocks(ids))
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
