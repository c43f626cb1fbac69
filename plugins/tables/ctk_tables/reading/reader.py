"""A table's files as a data reader of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ctk.contract import DataItem, DataReader
from ctk.data import parse_id
from ctk.samples import Array, Data, Samples
from ctk_tables.description import TableDescription, TableFile
from ctk_tables.reading.archives import on_disk
from ctk_tables.reading.features import make_features
from ctk_tables.reading.frames import read_batches
from ctk_tables.reading.targets import make_labels, make_targets, target_names

if TYPE_CHECKING:
    import pyarrow as pa


class TableReader(DataReader):
    """Reads the tables that a description names. A subclass says which: ``description``."""

    description: ClassVar[TableDescription]

    def read(self, folder: Path) -> Data:
        """Read train and test into memory. Raises DataError naming file, row and column."""
        known = self.description
        train, test = self._table(folder, known.train), self._table(folder, known.test)
        target, there = make_targets(train, known, known.train, folder / known.train.path)
        features, notes = make_features(train, known, known.train, folder / known.train.path)
        constants = {
            "header": np.array(known.submits_columns or (known.id or "id", *known.targets), str),
            "id": np.array(known.id or ""),
        }
        samples = Samples(
            ids=_ids(train, known.id),
            features=features,
            target=target,
            groups={"label": make_labels(target, known)},
            notes=notes,
            constants=constants,
            targets=target_names(known),
        ).take(np.flatnonzero(there))
        features, notes = make_features(test, known, known.test, folder / known.test.path)
        tested = Samples(_ids(test, known.id), features, notes=notes, constants=constants, targets=target_names(known))
        about = f"{len(samples):,} rows to learn from, {len(tested):,} to predict, {len(known.columns):,} columns"
        return Data(samples, tested, folder, about, files=self.pictures(folder))

    def describe(self, folder: Path) -> list[DataItem]:
        """The three files, and what is missing of them."""
        known = self.description
        return [_item(folder, file) for file in (known.train, known.test, known.sample) if file is not None]

    def pictures(self, folder: Path) -> Path | None:
        """The folder, where a column has paths of pictures below it."""
        return folder if self.description.of_kind("picture") else None

    def _table(self, folder: Path, file: TableFile, columns: Sequence[str] | None = None) -> pa.Table:
        import pyarrow as pa

        return pa.Table.from_batches(list(read_batches(folder, file, columns)))


def _item(folder: Path, file: TableFile) -> DataItem:
    place = on_disk(folder, file.path)
    how = "It is where the competition was made from; give its folder with --data."
    if not place.is_file():
        return DataItem(file.path, None, "", how)
    return DataItem(file.path, place, f"{place.stat().st_size / 1e6:,.1f} MB", how)


def _ids(table: pa.Table, column: str | None) -> Array:
    """(N,) int64 where all are whole numbers that are written so, else str; rows are counted without a column."""
    if column is None or column not in table.column_names:
        return np.arange(len(table))
    texts = [str(cell) for cell in table[column].to_pylist()]
    whole = [parse_id(text) for text in texts]
    if all(number is not None and str(number) == text for number, text in zip(whole, texts, strict=True)):
        return np.array(whole, np.int64)
    return np.array(texts, str)
