"""A table's files as a data reader of the toolkit."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ctk.contract import DataItem, DataReader, Progress
from ctk.data import SamplesWriter
from ctk.errors import DataError, nearest
from ctk.files import write_json
from ctk.samples import Array, Data, Samples
from ctk_tables.description import TableDescription, TableFile
from ctk_tables.reading.archives import on_disk, unpacked_size
from ctk_tables.reading.features import (
    NUMBERS,
    TEXTS,
    columns_of_numbers,
    columns_read,
    is_wide,
    make_features,
)
from ctk_tables.reading.frames import BLOCK, read_batches, read_header, read_table
from ctk_tables.reading.located import located
from ctk_tables.reading.rows import TableRows, test_rows, train_rows
from ctk_tables.reading.targets import target_names

HOW = "It lies where the competition was made from: give that folder with --data."


class TableReader(DataReader):
    """Reads the tables that a description names. A subclass says which: ``description``.

    memory  bytes of a file from which on it is streamed block after block, never all of it in memory
    block   bytes of these blocks
    """

    description: ClassVar[TableDescription]
    memory: ClassVar[int] = 256 << 20
    block: ClassVar[int] = BLOCK

    def read(self, folder: Path) -> Data:
        """Read train and test into memory. Raises DataError naming file, row and column."""
        own, numbered = self._at(folder), dict[str, int]()
        known = own.description
        train = own._whole(folder, known.train, train_rows(folder, known, numbered))
        test = own._whole(folder, known.test, test_rows(folder, known, numbered))
        return Data(train, test, folder, self._about(len(train), len(test)), files=self.pictures(folder))

    def prepare(self, folder: Path, place: Path, progress: Progress) -> None:
        """Write the samples; a file above ``memory`` is read three times, for ids and targets, widths, and cells."""
        own, numbered = self._at(folder), dict[str, int]()
        rows = train_rows(folder, own.description, numbered)
        own._write(folder, own.description.train, rows, place / "train", progress)
        own._write_test(folder, place, len(rows.order), numbered, progress)

    def prepare_test(self, folder: Path, place: Path, progress: Progress) -> int:
        """Write the test alone; the training table is read for nothing."""
        self._at(folder)._write_test(folder, place, 0, {}, progress)
        return len(target_names(self.description))

    def describe(self, folder: Path) -> list[DataItem]:
        """The three files, and which are missing."""
        known = located(folder, self.description)
        return [_item(folder, file) for file in (known.train, known.test, known.sample) if file is not None]

    def pictures(self, folder: Path) -> Path | None:
        """The folder, where a column has paths of pictures below it."""
        return folder if self.description.of_kind("picture") else None

    def derive(self, features: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return further features of some rows, by name, (N, ...) each, from those that were read; here none.

        A subclass makes its own. A file that is streamed comes block after block, so each row is made of itself alone.
        """
        return {}

    def _with_derived(self, arrays: dict[str, Array]) -> dict[str, Array]:
        read = {name[9:]: values for name, values in arrays.items() if name.startswith("features/")}
        return {**arrays, **{f"features/{name}": np.asarray(values) for name, values in self.derive(read).items()}}

    def _at(self, folder: Path) -> TableReader:
        """Return this reader, or one like it whose description has the files where they lie in this folder."""
        known = located(folder, self.description)
        if known is self.description:
            return self
        own = copy.copy(self)
        vars(own)["description"] = known
        return own

    def _write_test(self, folder: Path, place: Path, train: int, numbered: dict[str, int], progress: Progress) -> None:
        rows = test_rows(folder, self.description, numbered)
        self._write(folder, self.description.test, rows, place / "test", progress)
        write_json(place / "about.json", self._about(train, len(rows.order)))

    def _write(self, folder: Path, file: TableFile, rows: TableRows, place: Path, progress: Progress) -> None:
        """Write samples: from memory, or block after block in the file's order, which is then put right."""
        if unpacked_size(folder, file.path) <= self.memory:
            self._whole(folder, file, rows).save(place)
            return
        rises = bool((np.diff(rows.order) > 0).all())
        writing = place if rises else place.with_name(f"{place.name}-in-file-order")
        writer = SamplesWriter(writing)
        if not writer.finished:
            self._stream(folder, file, rows, writer, progress)
            writer.finish(self._constants(), target_names(self.description))
        if not rises:
            Samples.open(writing).take(np.argsort(np.argsort(rows.order))).save(place)
            shutil.rmtree(writing)

    def _stream(
        self, folder: Path, file: TableFile, rows: TableRows, writer: SamplesWriter, progress: Progress
    ) -> None:
        """Append a file's samples in its order; text is as wide as the longest, which a pass before learns."""
        by_file = np.argsort(rows.order)
        order = rows.order[by_file]
        widths: dict[str, np.dtype[Any]] = {}
        for _, arrays in self._parts(folder, file, columns_read(self.description, TEXTS)):
            for name, values in arrays.items():
                widths[name] = np.promote_types(widths[name], values.dtype) if name in widths else values.dtype
        for first, read in self._parts(folder, file, columns_read(self.description)):
            arrays = self._with_derived(read)
            count = len(next(iter(arrays.values())))
            start, end = np.searchsorted(order, (first, first + count))
            these = by_file[start:end]
            taken = {name: values[order[start:end] - first] for name, values in arrays.items()}
            made = {"ids": rows.ids[these], **{f"groups/{name}": each[these] for name, each in rows.groups.items()}}
            if rows.target is not None:
                made["target"] = rows.target[these]
            made |= {name: values.astype(widths.get(name, values.dtype)) for name, values in taken.items()}
            writer.append(made)
            progress(f"reading {file.path}", first + count, rows.count)

    def _parts(self, folder: Path, file: TableFile, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Array]]]:
        """Give arrays block after block, each with the number of its first row."""
        if not columns:
            return
        first = 0
        for batch in read_batches(folder, file, self._there(folder, file, columns), self.block):
            if len(batch):
                yield first, make_features(batch, self.description, file, folder / file.path, first)
            first += len(batch)

    def _whole(self, folder: Path, file: TableFile, rows: TableRows) -> Samples:
        table = read_table(folder, file, self._there(folder, file, columns_read(self.description)))
        arrays = self._with_derived(make_features(table, self.description, file, folder / file.path))
        taken = {name: values[rows.order] for name, values in arrays.items()}
        return Samples(
            ids=rows.ids,
            features={name[9:]: values for name, values in taken.items() if name.startswith("features/")},
            target=rows.target,
            groups=rows.groups,
            notes={name[6:]: values for name, values in taken.items() if name.startswith("notes/")},
            constants=self._constants(),
            targets=target_names(self.description),
        )

    def _constants(self) -> dict[str, Array]:
        """Names of the submission's columns, of its id, and of columns of numbers that are one feature."""
        known = self.description
        id = known.id or ("" if known.submits_columns else "id")
        constants = {"header": np.array(known.submits_columns or (id, *known.targets), str), "id": np.array(id)}
        if is_wide(known):
            constants[NUMBERS] = np.array(columns_of_numbers(known), str)
        return constants

    def _there(self, folder: Path, file: TableFile, columns: Sequence[str]) -> Sequence[str]:
        """Return columns if the file has all of them. Raises DataError for the first that it has not."""
        names = read_header(folder, file).names
        there = {*names}
        if missing := [name for name in columns if name not in there]:
            raise DataError(
                f"{folder / file.path}: has no column '{missing[0]}'.",
                f"{nearest(missing[0], names, 'columns')} Or say that its kind is left-out.",
            )
        return columns

    def _about(self, train: int, test: int) -> str:
        known = self.description
        learned = f"{train:,} rows to learn from, " if train else ""
        return f"{known.task} of {', '.join(known.targets[:3])}: {learned}{test:,} to predict"


def _item(folder: Path, file: TableFile) -> DataItem:
    place = on_disk(folder, file.path)
    if not place.is_file():
        return DataItem(file.path, None, "", HOW)
    return DataItem(file.path, place, f"{place.stat().st_size / 1e6:,.1f} MB", HOW)
