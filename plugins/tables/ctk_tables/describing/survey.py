"""A table looked at: all of it where that is small, else rows by lot from all of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctk.samples import Array
from ctk_tables.description import TableFile
from ctk_tables.reading.frames import TableHeader, read_batches, read_header, read_table

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY = 256 << 20
"""Bytes of cells that are looked at; of a larger table, so many rows as take that."""


@dataclass
class SurveyedTable:
    """A table, or rows of it by lot.

    table  the rows that are looked at, in the file's order
    rows   how many the file has
    """

    folder: Path
    file: TableFile
    header: TableHeader
    table: pa.Table
    rows: int
    _columns: dict[str, pa.Array] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / self.file.path

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.header.names

    @cached_property
    def has(self) -> frozenset[str]:
        """Names of the columns, to be looked up."""
        return frozenset(self.header.names)

    @property
    def whole(self) -> bool:
        """Whether all rows are looked at."""
        return len(self.table) == self.rows

    @property
    def decimal(self) -> str:
        """The decimal mark."""
        return self.file.dialect.decimal if self.file.dialect else "."

    def seen(self, column: str) -> pa.Array:
        """Return cells of the rows that are looked at."""
        return self.table[column].combine_chunks()

    def all(self, column: str) -> pa.Array:
        """Return all cells of a column, which is read for it where not all rows are looked at."""
        if self.whole:
            return self.seen(column)
        if column not in self._columns:
            self._columns[column] = read_table(self.folder, self.file, [column])[column].combine_chunks()
        return self._columns[column]


def survey(folder: Path, file: TableFile, memory: int = MEMORY) -> SurveyedTable:
    """Read a table block after block, and keep rows by lot, each as likely as another, while they fit in memory.

    Lots are drawn with a fixed seed: the same file gives the same rows.
    """
    import pyarrow as pa

    lots = np.random.default_rng(0)
    share, rows, size = 1.0, 0, 0
    kept: list[tuple[pa.RecordBatch, Array]] = []
    for batch in read_batches(folder, file):
        drawn = lots.random(len(batch))
        rows += len(batch)
        kept.append(_thin(batch, drawn, share))
        size += kept[-1][0].nbytes
        while size > memory:
            share /= 2
            kept = [_thin(each, luck, share) for each, luck in kept]
            size = sum(each.nbytes for each, _ in kept)
    batches = [batch for batch, _ in kept]
    table = pa.Table.from_batches([batch for batch in batches if len(batch)] or batches[:1])
    return SurveyedTable(folder, file, read_header(folder, file), table.combine_chunks(), rows)


def _thin(batch: pa.RecordBatch, drawn: Array, share: float) -> tuple[pa.RecordBatch, Array]:
    import pyarrow as pa

    fits = drawn < share
    return (batch, drawn) if fits.all() else (batch.filter(pa.array(fits)), drawn[fits])
