"""The few rows of the data that a package carries, in files as the description says they are written."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
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
PACKERS = {".bz2": bz2.compress, ".xz": lzma.compress}
EACH = 8
"""Rows of a class, where it has so many and there are not too many classes: folds want some."""


def sample_files(folder: Path, description: TableDescription) -> dict[str, bytes]:
    """Draw rows of each file; returns the content of the smaller files by their paths below the folder."""
    pictured = description.of_kind("picture")
    rows = PICTURED if pictured else ROWS
    train = read_frame(folder, description.train, rows=LOOKED)
    train = train.iloc[_drawn(train, description, rows)]
    test = read_frame(folder, description.test, rows=LOOKED).iloc[:rows]
    frames = {_stored(description.train, "train"): train, _stored(description.test, "test"): test}
    if description.sample is not None:
        frames[_stored(description.sample, "sample_submission")] = _answers(read_frame(folder, description.sample, rows=LOOKED), test, description)
    pictures = {
        path: (folder / path).read_bytes()
        for frame in (train, test)
        for column in pictured
        for path in frame[column].dropna().unique()
        if (folder / path).is_file()
    }
    return {**{file.path: _content(frame, file) for file, frame in frames.items()}, **pictures}


def _drawn(train: pd.DataFrame, description: TableDescription, rows: int) -> Array:
    """Rows (R,) in their order: some of each class, then whichever a seed says."""
    order = np.random.default_rng(0).permutation(len(train))
    if description.task != "regression":
        labels = train[description.targets[0]].to_numpy(object)[order]
        turn = pd.Series(labels).groupby(labels, dropna=False).cumcount().to_numpy()
        each = min(EACH, max(1, rows // max(1, len(set(labels.tolist())))))
        order = order[np.argsort(turn >= each, kind="stable")]
    return np.sort(order[:rows])


def _answers(sample: pd.DataFrame, test: pd.DataFrame, description: TableDescription) -> pd.DataFrame:
    """The rows of the sample submission about these test rows."""
    if description.id is None or description.id not in sample or description.id not in test:
        return sample.iloc[: len(test)]
    return sample[sample[description.id].isin(set(test[description.id]))]


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
    return PACKERS.get(Path(file.path).suffix.lower(), lambda content: content)(content)


def _text(frame: pd.DataFrame, dialect: Dialect) -> bytes:
    text = frame.to_csv(index=False, sep=dialect.separator, quotechar=dialect.quote, lineterminator="\n")
    return text.encode(dialect.encoding)
