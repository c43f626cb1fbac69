"""Tables as their cells: whole, some columns, some rows, or block after block."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ctk_tables.description import Dialect, TableFile
from ctk_tables.reading.archives import open_stored

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BLOCK = 32 << 20
"""Bytes of a file that are taken apart together; no row is longer."""


def read_header(folder: Path, file: TableFile) -> list[str]:
    """Read the names of a table's columns."""
    return _header(folder, file)[0]


def read_batches(folder: Path, file: TableFile, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Read a table block after block, cells of text as text ("" for an empty one), those of Parquet as they are."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    if file.dialect is None:
        with open_stored(folder, file.path) as stream:
            whole = stream if stream.seekable() else io.BytesIO(stream.read())
            yield from parquet.ParquetFile(whole).iter_batches(columns=columns)
        return
    names, lines = _header(folder, file)
    dialect = file.dialect
    with open_stored(folder, file.path) as stream:
        reading = arrow_csv.ReadOptions(
            column_names=names, skip_rows=lines, encoding=dialect.encoding, block_size=BLOCK
        )
        parsing = arrow_csv.ParseOptions(delimiter=dialect.separator, quote_char=dialect.quote, newlines_in_values=True)
        cells = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, include_columns=columns
        )
        yield from arrow_csv.open_csv(stream, reading, parsing, cells)


def read_frame(
    folder: Path, file: TableFile, columns: Sequence[str] | None = None, rows: int | None = None
) -> pd.DataFrame:
    """Read a table, or some of its columns or first rows; cells of text are text, "" where one is empty."""
    import pyarrow as pa

    batches, count = [], 0
    for batch in read_batches(folder, file, columns):
        batches.append(batch if rows is None else batch.slice(0, rows - count))
        count += len(batches[-1])
        if rows is not None and count >= rows:
            break
    return pa.Table.from_batches(batches).to_pandas()


def _header(folder: Path, file: TableFile) -> tuple[list[str], int]:
    """Return names of columns, and how many lines of text they take."""
    from pyarrow import parquet

    with open_stored(folder, file.path) as stream:
        if file.dialect is None:
            whole = stream if stream.seekable() else io.BytesIO(stream.read())
            return list(parquet.read_schema(whole).names), 0
        reader = _rows(stream, file.dialect)
        return next(row for row in reader if row), reader.line_num


def _rows(stream: object, dialect: Dialect) -> csv._reader:
    text = io.TextIOWrapper(stream, dialect.encoding, newline="")  # type: ignore[arg-type]
    return csv.reader(text, delimiter=dialect.separator, quotechar=dialect.quote)
