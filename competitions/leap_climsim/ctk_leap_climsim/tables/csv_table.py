"""CSV tables, read in blocks of bytes cut at line ends, so that a reader can go on from a byte offset."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv

from ctk.data import plain_csv as numbers
from ctk.errors import CtkError
from ctk_leap_climsim.tables.table import ID, Part, Place, Table, as_array

BLOCK = 16 << 20
"""Bytes read at a time; no line may be longer (925 numbers are 20 kB)."""
PARSED = 8 << 20
"""Bytes that pyarrow parses at a time: the fastest of 1 to 64 MiB for lines of 18 kB."""
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|nan)?\s*", re.IGNORECASE)
NULLS = ["", "NaN", "nan", "-NaN", "-nan", "NA", "N/A", "null", "NULL", "None"]


class CsvTable(Table):
    """A table as CSV with a header; see ``Table``. Lines count from 1, the header being the first."""

    def where(self, row: int) -> str:
        """Line number: there are no blank lines before the last row."""
        return f"line {row + 2:,}"

    def _open(self) -> list[str]:
        self.size = self.path.stat().st_size
        with self.path.open("rb") as file:
            line = file.readline(BLOCK)
        if not line.endswith(b"\n"):
            raise self.error(f"{self.path}: the first line has no end.", "The file is empty, cut short or not a CSV.")
        self._begin = len(line)
        try:
            return next(csv.reader([line.decode("utf-8-sig").strip()]), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise self.error(f"{self.path}: the first line is not text ({error}).", "Is it a CSV?") from None

    def _parts(self, start: Place) -> Iterator[Part]:
        offset, row = start.offset or self._begin, start.rows
        with self.path.open("rb") as file:
            room = bytearray(
                min(BLOCK, max(0, self.size - offset))
            )  # for all blocks: fresh memory costs as much as reading
            # Each block is read from where the last one ended, so that going on from there cuts the same blocks.
            while file.seek(offset) < self.size:
                read = file.readinto(room)
                end = room.rfind(b"\n", 0, read) + 1
                if not end:
                    raise self._cut(row, f"has no end within {read:,} bytes")
                lines = memoryview(room)[:end]
                offset += end
                if offset == self.size:
                    lines = memoryview(bytes(lines).rstrip(b"\r\n") + b"\n")
                if len(lines) > 1:  # than a line end
                    part = self._parse(lines, row, offset)
                    row += len(part.ids)
                    yield part

    def _parse(self, lines: memoryview, row: int, offset: int) -> Part:
        if self.header == [ID, *self.columns] and (plain := numbers.parse(lines, len(self.columns), self.prefix)):
            return Part(*plain, offset)
        # What is not plain is for pyarrow, which knows quotes, spaces and empty cells, and complains where it must.
        wanted = [ID, *self.columns]
        types = dict.fromkeys(self.columns, pa.float64()) | {ID: pa.string()}
        try:
            table = pa.csv.read_csv(
                pa.BufferReader(lines),
                # Its threads end the process with SIGABRT when Python ends, now and then: apache/arrow issue 34314.
                read_options=pa.csv.ReadOptions(column_names=self.header, block_size=PARSED, use_threads=False),
                parse_options=pa.csv.ParseOptions(ignore_empty_lines=False),
                convert_options=pa.csv.ConvertOptions(
                    column_types=types, include_columns=wanted, null_values=NULLS, strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            raise self._fault(lines, row) or error from None
        batch = table.combine_chunks().to_batches()[0]
        return Part(self._ids(batch.column(0), row), as_array(batch.select(self.columns)), offset)

    def _fault(self, lines: memoryview, first: int) -> CtkError | None:
        """What pyarrow stumbled over, found again slowly, so that the line and the column can be named."""
        width = len(self.header)
        wanted = [number for number, name in enumerate(self.header) if name in set(self.columns)]
        for row, line in enumerate(bytes(lines).decode("utf-8", errors="replace").split("\n")[:-1], start=first):
            if "\r" in line.removesuffix("\r"):
                return self._cut(row, "has a carriage return before its end")
            cells = next(csv.reader([line]), [])
            if len(cells) != width:
                return self._cut(row, f"has {len(cells):,} cells where {width:,} belong")
            for number in wanted:
                if not (NUMBER.fullmatch(cells[number]) or cells[number] in NULLS):
                    return self.error(
                        f"{self.path}, {self.where(row)}, column {self.header[number]}: "
                        f"{cells[number][:40]!r} is no number.",
                        f"The {row:,} rows before it can be read. Mend that cell.",
                    )
        return None

    def _cut(self, row: int, problem: str) -> CtkError:
        return self.error(
            f"{self.path}, {self.where(row)}: {problem}.",
            f"The {row:,} rows before it can be read. If it is the last line, the file is cut short: "
            "download or make it again.",
        )
