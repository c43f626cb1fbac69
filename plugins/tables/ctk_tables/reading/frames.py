"""Tables as their cells: whole, some columns, some rows, or block after block."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from ctk.data import MEND
from ctk.errors import DataError, nearest
from ctk_tables.description import Dialect, TableFile
from ctk_tables.reading.archives import on_disk, open_stored

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

BLOCK = 16 << 20
"""Bytes of a file that are taken apart together; no row is longer."""
BATCH = 1 << 16
"""Rows of a Parquet file that are read together."""


@dataclass(frozen=True)
class TableHeader:
    """The names of a table's columns.

    written  as the file has them
    names    unlike one another, and none empty: a second A is ``A.2``, the third column without a name ``column_3``
    lines    of text that they take
    """

    written: tuple[str, ...]
    names: tuple[str, ...]
    lines: int = 0

    @classmethod
    def of(cls, written: Sequence[str], lines: int = 0) -> TableHeader:
        """Name columns as a file does."""
        names: list[str] = []
        seen: Counter[str] = Counter()
        for number, name in enumerate(written, 1):
            name = name if name.strip() else f"column_{number}"
            seen[name] += 1
            names.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
        return cls(tuple(written), tuple(names), lines)

    def changed(self) -> dict[str, str]:
        """Tell of columns whose names are not as they are written, by name, what is wrong."""
        told: dict[str, str] = {}
        for number, (written, name) in enumerate(zip(self.written, self.names, strict=True), 1):
            if not written.strip():
                told[name] = f"column {number} has no name"
            elif written != name:
                told[name] = f"columns {self.written.index(written) + 1} and {number} are both called {written!r}"
        return told


def read_header(folder: Path, file: TableFile) -> TableHeader:
    """Read the names of a table's columns. Raises DataError where there are none."""
    path = folder / file.path
    if file.dialect is None:
        with _parquet(folder, file) as opened:
            return TableHeader.of(opened.schema_arrow.names)
    with _explained(folder, file), open_stored(folder, file.path) as stream:
        reader = _rows(stream, file.dialect)
        row = next((row for row in reader if row), None)
        if row is None:
            raise DataError(f"{path}: is empty.", "Download it again.")
        return TableHeader.of(row, reader.line_num)


def read_batches(
    folder: Path, file: TableFile, columns: Sequence[str] | None = None, block: int = BLOCK
) -> Iterator[pa.RecordBatch]:
    """Read a table block after block; one at least, which may have no rows.

    Cells of text are text, "" where one is empty. Of Parquet, numbers, truth values and times are what they are, null
    where one is missing, and all else is text.

    Raises DataError naming file and row, and the column where that is known.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    header = read_header(folder, file)
    there = {*header.names}
    if missing := [name for name in columns or () if name not in there]:
        raise DataError(f"{folder / file.path}: has no column '{missing[0]}'.", nearest(missing[0], header.names, ""))
    if file.dialect is None:
        with _parquet(folder, file) as opened:
            places = [header.names.index(name) for name in columns or header.names]
            batches = opened.iter_batches(BATCH, columns=[header.written[place] for place in places])
            empty = True
            for batch in batches:
                empty = False
                plain = [_plain(batch.column(header.written[place])) for place in places]
                yield pa.RecordBatch.from_arrays(plain, [header.names[place] for place in places])
            if empty:
                yield pa.RecordBatch.from_arrays(
                    [pa.array([], pa.string())] * len(places), list(columns or header.names)
                )
        return
    dialect = file.dialect
    reading = arrow_csv.ReadOptions(
        column_names=header.names,
        skip_rows=header.lines,
        encoding="utf8" if dialect.encoding == "utf-8-sig" else dialect.encoding,
        block_size=block,
    )
    parsing = arrow_csv.ParseOptions(delimiter=dialect.separator, quote_char=dialect.quote, newlines_in_values=True)
    cells = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(header.names, pa.string()), strings_can_be_null=False, include_columns=columns
    )
    with open_stored(folder, file.path) as stream:
        with _explained(folder, file):
            opened_csv = arrow_csv.open_csv(stream, reading, parsing, cells)
        count = 0
        while True:
            with _explained(folder, file):
                batch = next(opened_csv, None)
            if batch is None:
                break
            count += 1
            yield batch
        if not count:
            names = columns or header.names
            yield pa.RecordBatch.from_arrays([pa.array([], pa.string())] * len(names), list(names))


def read_table(folder: Path, file: TableFile, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table, or some of its columns, as ``read_batches`` does, each column in one piece."""
    import pyarrow as pa

    return pa.Table.from_batches(_widest(list(read_batches(folder, file, columns)))).combine_chunks()


def read_frame(
    folder: Path, file: TableFile, columns: Sequence[str] | None = None, rows: int | None = None
) -> pd.DataFrame:
    """Read a table, or some of its columns or first rows; cells are as ``read_batches`` tells."""
    import pyarrow as pa

    batches: list[pa.RecordBatch] = []
    count = 0
    for batch in read_batches(folder, file, columns):
        batches.append(batch if rows is None else batch.slice(0, rows - count))
        count += len(batches[-1])
        if rows is not None and count >= rows:
            break
    frame: pd.DataFrame = pa.Table.from_batches(batches).to_pandas()
    return frame


def _plain(cells: pa.Array) -> pa.Array:
    """Return a Parquet file's cells as numbers, truth values, times or text."""
    import pyarrow as pa
    from pyarrow import compute, types

    if types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    kind = cells.type
    if types.is_decimal(kind):
        return compute.cast(cells, pa.float64())
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return cells
    if types.is_timestamp(kind) or types.is_date(kind):
        return cells
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return compute.cast(cells, pa.string()).fill_null("")
    return pa.array(["" if cell is None else str(cell) for cell in cells.to_pylist()], pa.string())


@contextmanager
def _parquet(folder: Path, file: TableFile) -> Iterator[parquet.ParquetFile]:
    """Open a Parquet file; one in an archive is unpacked into memory, for it is read from its end."""
    import pyarrow as pa
    from pyarrow import parquet

    path = folder / file.path
    with open_stored(folder, file.path) as stream:
        source = path if on_disk(folder, file.path) == path else io.BytesIO(stream.read())
        try:
            with parquet.ParquetFile(source) as opened:
                yield opened
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: cannot be read as Parquet ({_line(error)}).", "Download it again.") from error


@contextmanager
def _explained(folder: Path, file: TableFile) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, UnicodeError, csv.Error, LookupError) as error:
        _refuse(folder, file, error)


def _refuse(folder: Path, file: TableFile, error: Exception) -> NoReturn:
    """Look for the first row that no reader could take, and raise DataError naming it."""
    path, dialect = folder / file.path, file.dialect
    assert dialect is not None
    row = 0
    names: tuple[str, ...] = ()
    try:
        with open_stored(folder, file.path) as stream:
            reader = _rows(stream, dialect, "surrogateescape")
            names = TableHeader.of(next((row for row in reader if row), ())).names
            for row, cells in enumerate((each for each in reader if each), 1):
                if len(cells) != len(names):
                    raise DataError(
                        f"{path}, row {row:,}: has {len(cells):,} cells, and the header has {len(names):,} columns.",
                        "Mend the row, or put quotes around a cell that has a separator or a line break in it.",
                    )
                for name, cell in zip(names, cells, strict=True):
                    if odd := [each for each in cell if 0xDC80 <= ord(each) < 0xDD00]:
                        raise DataError(
                            f"{path}, row {row:,}, column {name}: has the byte 0x{ord(odd[0]) - 0xDC00:02x}, "
                            f"which is not {dialect.encoding}.",
                            "Say how the file is encoded: --encoding latin-1",
                        ) from None
    except (csv.Error, UnicodeError, LookupError) as problem:
        error = problem
    where = f"{path}, after row {row:,}" if row else f"{path}"
    raise DataError(f"{where}: cannot be read as text of cells ({_line(error)}).", MEND) from error


def _rows(stream: BinaryIO, dialect: Dialect, errors: str = "strict") -> CsvReader:
    text = io.TextIOWrapper(stream, dialect.encoding, errors, newline="")
    return csv.reader(text, delimiter=dialect.separator, quotechar=dialect.quote)


def _widest(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Drop batches without rows that stand beside others, whose types say nothing."""
    return [batch for batch in batches if len(batch)] or batches[:1]


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:160]
