"""A table of sample ids and numbers, read a block of rows at a time: what CSV and Parquet tables have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ctk.errors import CtkError, DataError
from ctk.samples import Array

ID = "sample_id"
SHOWN = 5


class Place(NamedTuple):
    """How far a table has been read: what a caller saves (as JSON takes it) to go on from, ``Place(*saved)``.

    offset     where the next row begins, in the unit of ``Table.size``; 0 is the beginning of the file
    rows       rows read, dropped ones too
    bad_cells  empty, NaN, infinite or too large cells among them
    bad_rows   rows with such cells
    first_bad  the first of them, for people ("line 17, column ptend_t_0 is NaN or empty")
    """

    offset: int = 0
    rows: int = 0
    bad_cells: int = 0
    bad_rows: int = 0
    first_bad: str = ""


BEGIN = Place()


class Block(NamedTuple):
    """Some rows that follow one another, but for dropped ones; there may be none of them.

    ids     (n,) int64, the n of ``test_<n>``
    values  (n, C) float64, finite, in the order of the columns asked for
    rows    (n,) int64 numbers of the rows in the file, from 0
    after   where the next block begins
    """

    ids: Array
    values: Array
    rows: Array
    after: Place


class Part(NamedTuple):
    """Rows as their format gives them: ids and values as in a block, NaN for what is empty; where the next begin."""

    ids: Array
    values: Array
    offset: int


def as_array(values: pa.RecordBatch) -> Array:
    """(n, C) float64, NaN for nulls."""
    return np.asarray(values.to_tensor(null_to_nan=True, row_major=True).to_numpy())


class Table(ABC):
    """A file with the column ``sample_id`` and one column a name, streamed.

        table = open_table(path, INPUTS + TARGETS, prefix="train_")
        for block in table.blocks(Place(*saved), bad="drop"):
            ...
            saved = block.after

    columns   names of the numbers wanted, in the order they are wanted in
    prefix    of the ids
    ignore    columns that may be there and are not read
    largest   the largest number that may be, in absolute value; any finite one unless given
    ordered   whether the file's columns must be in this order too, ``sample_id`` first
    error     class of what is raised for anything wrong, naming file, line (CSV) or row (Parquet, from 0) and column
    """

    size: int
    """Of the whole table: bytes (CSV) or rows (Parquet)."""
    mend = "Mend them: every cell is a finite number."
    """What to do about bad cells, for people."""

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        *,
        prefix: str,
        ignore: Sequence[str] = (),
        largest: float = np.finfo(np.float64).max,
        ordered: bool = False,
        error: type[CtkError] = DataError,
    ) -> None:
        self.path, self.columns, self.prefix = Path(path), tuple(columns), prefix
        self.largest = largest
        self.ignore, self.ordered, self.error = frozenset(ignore), ordered, error
        try:
            self.header = self._open()
        except FileNotFoundError:
            raise self.error(f"{self.path}: there is no such file.", "Check the path.") from None
        except OSError as error_:
            raise self.error(f"{self.path}: cannot be read ({error_.strerror or error_}).", "Check the file.") from None
        self._check_header()

    def blocks(self, start: Place = BEGIN, bad: Literal["error", "drop"] = "error") -> Iterator[Block]:
        """Every row from ``start`` on, once.

        bad      what becomes of rows with empty, NaN, infinite or too large cells. "drop" leaves them out. "error"
                 counts them to the end of the table, in blocks without rows, and then raises; ``start`` must carry on
                 the count
        memory   some blocks of tens of MB
        raises   ``error`` for bad cells, a cell that is no number, an id that is not ``prefix<n>``, a row that is too
                 short or too long, a file that is cut short
        """
        place = start
        try:
            for part in self._parts(start):
                ids, values = part.ids, part.values
                rows = np.arange(place.rows, place.rows + len(ids))
                fine = np.abs(values) <= self.largest
                place = place._replace(offset=part.offset, rows=place.rows + len(rows))
                if not fine.all():
                    place = self._count(place, fine, values, rows)
                    keep = fine.all(axis=1)
                    ids, values, rows = ids[keep], values[keep], rows[keep]
                if place.bad_cells and bad == "error":
                    ids, values, rows = ids[:0], values[:0], rows[:0]
                yield Block(ids, values, rows, place)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0][:200]
            raise self.error(
                f"{self.path}, {self.where(place.rows)} or later: cannot be read ({reason}).",
                f"The {place.rows:,} rows before it are good. Download or make the file again.",
            ) from None
        if place.bad_cells and bad == "error":
            raise self.error(
                f"{self.path}: {place.bad_cells:,} of its cells are empty, NaN, infinite or too large (rows with such "
                f"cells: {place.bad_rows:,}); the first is {place.first_bad}.",
                self.mend,
            )

    @abstractmethod
    def where(self, row: int) -> str:
        """What people call the row of this number."""

    @abstractmethod
    def _open(self) -> list[str]:
        """Names of the file's columns; sets ``size``."""

    @abstractmethod
    def _parts(self, start: Place) -> Iterator[Part]:
        """The rows from a place on."""

    def _check_header(self) -> None:
        if twice := [name for name, times in Counter(self.header).items() if times > 1]:
            raise self.error(f"{self.path}: the column {twice[0]} is there twice.", "Every column is there once.")
        wanted = (ID, *self.columns)
        there = [name for name in self.header if name not in self.ignore]
        missing = sorted(set(wanted) - set(there), key=wanted.index)
        extra = sorted(set(there) - set(wanted), key=there.index)
        problems = [
            f"{what} ({len(names):,}): {', '.join(shown)}{' ...' if len(names) > SHOWN else ''}"
            for names, what in ((missing, "missing columns"), (extra, "columns that do not belong there"))
            if (shown := [name or "one without a name" for name in names[:SHOWN]])
        ]
        if problems:
            raise self.error(
                f"{self.path}: {'; '.join(problems)}.",
                f"It must have {ID} and {len(self.columns):,} columns of numbers.",
            )
        for number, (name, right) in enumerate(zip(there, wanted, strict=True), start=1):
            if self.ordered and name != right:
                raise self.error(
                    f"{self.path}: column {number:,} is {name} where {right} belongs.",
                    "Columns are compared by position: write them in the order of the sample submission.",
                )

    def _ids(self, ids: pa.Array, first: int) -> Array:
        body = pc.utf8_slice_codeunits(ids, start=len(self.prefix))
        # A leading zero or sign would make two names of one id. Of 19 digits each, the texts compare as the numbers.
        fine = pc.and_(
            pc.starts_with(ids, pattern=self.prefix),
            pc.match_substring_regex(body, pattern=r"\A(0|[1-9][0-9]{0,18})\z"),
        )
        fine = pc.and_(fine, pc.or_(pc.less(pc.utf8_length(body), 19), pc.less_equal(body, str(2**63 - 1))))
        fine = np.asarray(pc.fill_null(fine, False).to_numpy(zero_copy_only=False), dtype=bool)
        if not fine.all():
            row = int((~fine).argmax())
            raise self.error(
                f"{self.path}, {self.where(first + row)}, column {ID}: {str(ids[row].as_py())[:40]!r} is no id.",
                f"Ids are {self.prefix}0, {self.prefix}1 and so on.",
            )
        return np.asarray(body.cast(pa.int64()).to_numpy(zero_copy_only=False))

    def _count(self, place: Place, fine: Array, values: Array, rows: Array) -> Place:
        bad = ~fine
        first = place.first_bad
        if not first:
            row, column = (int(number) for number in np.unravel_index(bad.argmax(), bad.shape))
            value = values[row, column]
            what = "NaN or empty" if np.isnan(value) else "infinite" if np.isinf(value) else f"{value:g} is too large"
            first = f"{self.where(int(rows[row]))}, column {self.columns[column]} ({what})"
        return place._replace(
            bad_cells=place.bad_cells + int(bad.sum()),
            bad_rows=place.bad_rows + int(bad.any(axis=1).sum()),
            first_bad=first,
        )
