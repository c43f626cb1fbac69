"""The few rows of the data that a package carries, in files as the description says they are written."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ctk.samples import Array
from ctk_tables.description import Dialect, TableDescription, TableFile
from ctk_tables.reading import read_frame

ROWS = 300
"""Rows of a file, at most."""
PICTURED = 24
"""Rows where each has a picture, which is carried too."""
LOOKED = 20_000
"""Rows from the beginning of a file, of which these are drawn."""
PACKERS: Mapping[str, Callable[[bytes], bytes]] = {".bz2": bz2.compress, ".xz": lzma.compress}
EACH = 8
"""Rows of a class, where it has so many and there are not too many classes: folds want some."""


def sample_files(folder: Path, description: TableDescription) -> dict[str, bytes]:
    """Draw rows of each file; returns the content of the smaller files by their paths below the folder."""
    rows = PICTURED if description.of_kind("picture") else ROWS
    train = read_frame(folder, description.train, rows=LOOKED)
    train = train.iloc[_drawn(train, description, rows)]
    test = read_frame(folder, description.test, rows=LOOKED)
    frames = {"train": train, "test": test.iloc[:rows]}
    if description.sample is not None:
        answers = read_frame(folder, description.sample, rows=LOOKED)
        frames["test"], frames["sample_submission"] = _answered(test, answers, description, rows)
    files = {"train": description.train, "test": description.test, "sample_submission": description.sample}
    made = {}
    for role, frame in frames.items():
        file = _stored(files[role], role)  # type: ignore[arg-type]  # those that are None have no frame
        made[file.path] = _content(frame, file)
    return {**made, **_pictures(folder, frames, description)}


def _pictures(folder: Path, frames: Mapping[str, pd.DataFrame], description: TableDescription) -> dict[str, bytes]:
    """The pictures that the rows name, by their paths."""
    found = {}
    for column in description.of_kind("picture"):
        known = description.columns[column]
        for side, role in enumerate(("train", "test")):
            pattern = known.paths[side] if known.paths else "{}"
            for cell in frames[role][column].dropna().astype(str).unique():
                path = pattern.replace("{}", cell)
                if cell and cell not in known.missing and (folder / path).is_file():
                    found[path] = (folder / path).read_bytes()
    return found


def _drawn(train: pd.DataFrame, description: TableDescription, rows: int) -> Array:
    """Rows (R,) in their order: some of each class, then whichever a seed says."""
    order = np.random.default_rng(0).permutation(len(train))
    if description.task != "regression":
        labels = train[description.targets[0]].to_numpy(object)[order]
        turn = pd.Series(labels).groupby(labels, dropna=False).cumcount().to_numpy()
        each = min(EACH, max(1, rows // max(1, len(set(labels.tolist())))))
        order = order[np.argsort(turn >= each, kind="stable")]
    return np.sort(order[:rows])


def _answered(
    test: pd.DataFrame, sample: pd.DataFrame, description: TableDescription, rows: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the test that the sample submission asks for, and its rows about them."""
    own = description.ids_in or description.id
    if own not in test or description.id is None or description.id not in sample:  # rows are in the same order
        return test.iloc[:rows], sample.iloc[:rows]
    asked = test[test[own].isin(set(sample[description.id]))].iloc[:rows]
    return asked, sample[sample[description.id].isin(set(asked[own]))]


def _stored(file: TableFile, role: str) -> TableFile:
    """Where a file of the sample lies: as the described one does, but loose if that is in an archive."""
    if ".zip/" in file.path.lower():
        return TableFile(path=f"{role}.csv", dialect=Dialect())
    return file


def _content(frame: pd.DataFrame, file: TableFile) -> bytes:
    if file.dialect is None:
        packed = io.BytesIO()
        frame.to_parquet(packed, index=False)
        return packed.getvalue()
    content = _text(frame, file.dialect)
    if file.path.endswith(".gz"):
        return gzip.compress(content, mtime=0)
    packer = PACKERS.get(Path(file.path).suffix.lower())
    return content if packer is None else packer(content)


def _text(frame: pd.DataFrame, dialect: Dialect) -> bytes:
    text = frame.to_csv(index=False, sep=dialect.separator, quotechar=dialect.quote, lineterminator="\n")
    return text.encode(dialect.encoding)
