"""Calling an extractor, for all rows at once or block by block, and keeping the columns that it makes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ctk.contract import Done, Extractor, FeatureChoice
from ctk.errors import DamagedError
from ctk.files import made_over_time
from ctk.plugins import Plugins
from ctk.plugins.guard import ContractViolation, Guard
from ctk.samples import Array, Samples

BLOCKS = "blocks"


def make_extractor(choice: FeatureChoice, plugins: Plugins | None = None, device: str = "auto") -> Any:
    """Make an extractor with its options, inside its plugin's guard, and tell it the run's device."""
    guard = Guard("extractors", choice.name, plugins)
    own: Extractor = guard.make(**choice.options)
    own.device = device
    return guard.wrap(own)


def open_columns(folder: Path) -> dict[str, Array]:
    """Map extracted columns into memory. Raises DamagedError."""
    try:
        return dict(Samples.open(folder).features)
    except DamagedError as error:
        raise DamagedError(error.problem, f"Remove {folder}, and it is made anew.") from error


def save_columns(folder: Path, samples: Samples, columns: Mapping[str, Array]) -> None:
    """Write the columns of samples into a folder."""
    Samples(samples.ids, columns).save(folder)


def named_features(name: str, columns: Mapping[str, Array]) -> dict[str, Array]:
    """Return columns as the features that they become: NAME/COLUMN, or NAME where a single one has no name."""
    return {f"{name}/{column}" if column else name: values for column, values in columns.items()}


def extract(extractor: Any, samples: Samples, progress: Done = lambda done, total: None) -> dict[str, Array]:
    """Extract from samples, whose target it is not shown: the test's is not known, and a row's own must not leak."""
    columns: dict[str, Array] = extractor.extract(replace(samples, target=None), progress)
    return columns


def extract_into(folder: Path, extractor: Any, samples: Samples, progress: Done) -> None:
    """Extract from samples into a folder.

    Block by block where the extractor says so: of one that was killed the blocks it made lie there, and are taken.
    """
    size = extractor.rows or max(1, len(samples))
    if size >= len(samples):
        save_columns(folder, samples, extract(extractor, samples, progress))
        return
    blocks = []
    for start in range(0, len(samples), size):
        rows = samples.take(np.arange(start, min(start + size, len(samples))))
        blocks.append(folder / BLOCKS / f"{start}")
        with made_over_time(blocks[-1]) as block:
            if block is not None:
                save_columns(block, rows, extract(extractor, rows, _part_of(progress, start, rows, samples)))
        progress(start + len(rows), len(samples))
    save_columns(folder, samples, join_rows(extractor, [open_columns(block) for block in blocks]))
    shutil.rmtree(folder / BLOCKS)


def join_rows(extractor: Any, parts: list[dict[str, Array]]) -> dict[str, Array]:
    """Return columns of parts of the rows one below the other. Raises PluginError where the columns differ."""
    for part in parts[1:]:
        check_alike(extractor, parts[0], part)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def check_alike(extractor: Any, some: Mapping[str, Array], others: Mapping[str, Array]) -> None:
    """Raise PluginError where an extractor made other columns of other samples."""
    first, second = _described(some), _described(others)
    if first == second:
        return
    name = min(key for key in first.keys() | second.keys() if first.get(key) != second.get(key))
    with extractor.guard("extracting features"):
        raise ContractViolation(
            f"extracted of some samples {first.get(name, 'no column')} as '{name}', and of others "
            f"{second.get(name, 'no column')}",
            "Columns do not depend on the samples.",
        )


def _described(columns: Mapping[str, Array]) -> dict[str, str]:
    """What rows of columns are, in words, by name."""
    return {
        name: "text" if values.dtype.kind == "U" else f"numbers {values.shape[1:]}" if values.ndim > 1 else "numbers"
        for name, values in columns.items()
    }


def _part_of(progress: Done, start: int, rows: Samples, samples: Samples) -> Done:
    """Progress in a block of rows as that in all of them."""

    def in_block(done: int, total: int) -> None:
        progress(start + len(rows) * done // max(1, total), len(samples))

    return in_block
