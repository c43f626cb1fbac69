"""CSV tables, read in blocks of bytes cut at line ends, so that a reader can go on from a byte offset."""

from __future__ import annotations

import contextlib
import csv
import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Literal

import pyarrow as pa
import pyarrow.csv

from ctk.errors import CtkError
from ctk.files import refuse_packed
from ctk.samples import Array
from ctk_leap_climsim.tables.table import ID, Part, Place, Table, as_array

BLOCK = 16 << 20
"""Bytes read at a time; no line may be longer (925 numbers are 20 kB)."""
NEAR = 64 << 10
"""Bytes before a block's end in which a line nearly always ends."""
THREADS = min(4, pa.cpu_count())
"""Blocks parsed at a time, each some tens of MB."""
NUMBER = re.compile(r"\s*([+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?|nan))?\s*", re.IGNORECASE | re.ASCII)
NULLS = ["", "NaN", "nan", "-NaN", "-nan", "NA", "N/A", "null", "NULL", "None"]


class CsvTable(Table):
    """A table as CSV with a header; see ``Table``. Lines count from 1, the header being the first."""

    ended: bool
    """Whether the last line has an end; it may be whole without one."""

    def where(self, row: int) -> str:
        """Line number: there are no blank lines before the last row."""
        return f"line {row + 2:,}"

    def _open(self) -> list[str]:
        refuse_packed(self.path, self.error, "CSV")
        self.size = self.path.stat().st_size
        with self.path.open("rb") as file:
            line = file.readline(BLOCK)
            file.seek(max(0, self.size - 1))
            self.ended = file.read() == b"\n"
        if not line.endswith(b"\n"):
            raise self.error(f"{self.path}: the first line has no end.", "The file is empty, cut short or not a CSV.")
        self._begin = len(line)
        try:
            return next(csv.reader([line.decode("utf-8-sig").strip()]), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise self.error(f"{self.path}: the first line is not text ({error}).", "Is it a CSV?") from None

    def _parts(self, start: Place) -> Iterator[Part]:
        row = start.rows
        with ThreadPoolExecutor(THREADS) as pool:
            blocks = self._blocks(start.offset or self._begin)
            submitted = ((begin, after, pool.submit(self._parse, begin, after)) for begin, after in blocks)
            parsing = deque(islice(submitted, THREADS))
            while parsing:
                begin, after, parsed = parsing.popleft()
                parsing.extend(islice(submitted, 1))
                try:
                    found = parsed.result()
                except pa.ArrowInvalid as error:
                    lines = self._lines(begin, after)
                    if not lines.endswith(b"\n"):
                        raise self._cut(row, f"has no end within {len(lines):,} bytes") from None
                    cut = after == self.size and not self.ended
                    raise self._fault(lines, row, cut) or error from None
                if found is not None:
                    ids, values = found
                    yield Part(self._ids(ids, row), values, after)
                    row += len(ids)

    def _blocks(self, offset: int) -> Iterator[tuple[int, int]]:
        """Where blocks of whole lines begin and end; one of a line that is too long has no line's end.

        Each begins where the last one ended, so that going on from there cuts the same blocks. They are read where they
        are parsed: here the last line's end is looked for, which is near.
        """
        with self.path.open("rb") as file:
            while offset < self.size:
                end = min(offset + BLOCK, self.size)
                for begin in (max(offset, end - NEAR), offset):
                    file.seek(begin)
                    last = file.read(end - begin).rfind(b"\n")
                    if last >= 0:
                        end = begin + last + 1
                        break
                yield offset, end
                offset = end

    def _lines(self, begin: int, end: int) -> bytes:
        """The lines of a block, the file's last with an end though the file has none."""
        with self.path.open("rb") as file:
            file.seek(begin)
            lines = file.read(end - begin)
        return lines.rstrip(b"\r\n") + b"\n" if end == self.size else lines

    def _parse(self, begin: int, end: int) -> tuple[pa.Array, Array] | None:
        """Ids as text, numbers (n, C) float64 with NaN for empty cells; None of blank lines. Raises ArrowInvalid."""
        lines = self._lines(begin, end)
        if lines == b"\n":
            return None
        if not lines.endswith(b"\n"):
            raise pa.ArrowInvalid("a line without an end")
        if b'"' not in lines:
            # Nearly always so, and a fifth faster than looking for quotes and for the names of nothing in every cell.
            with contextlib.suppress(pa.ArrowInvalid):
                return self._read(lines, nulls=[], quote=False)
        return self._read(lines, NULLS, quote='"')

    def _read(self, lines: bytes, nulls: list[str], quote: str | Literal[False]) -> tuple[pa.Array, Array]:
        types = dict.fromkeys(self.columns, pa.float64()) | {ID: pa.string()}
        table = pa.csv.read_csv(
            pa.BufferReader(lines),
            # Arrow's threads end the process with SIGABRT when Python ends, now and then: apache/arrow issue 34314.
            read_options=pa.csv.ReadOptions(column_names=self.header, block_size=BLOCK, use_threads=False),
            parse_options=pa.csv.ParseOptions(ignore_empty_lines=False, quote_char=quote),
            convert_options=pa.csv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=nulls, strings_can_be_null=False
            ),
        )
        batch = table.combine_chunks().to_batches()[0]
        return batch.column(ID), as_array(batch.select(self.columns))

    def _fault(self, lines: bytes, first: int, cut: bool) -> CtkError | None:
        """What pyarrow stumbled over, found again slowly, so that the line and the column can be named.

        ``cut`` says that the last line had no end.
        """
        last = first + lines.count(b"\n") - 1
        width = len(self.header)
        wanted = [number for number, name in enumerate(self.header) if name in set(self.columns)]
        for row, line in enumerate(lines.decode("utf-8", errors="replace").split("\n")[:-1], start=first):
            if "\r" in line.removesuffix("\r"):
                return self._cut(row, "has a carriage return before its end")
            cells = next(csv.reader([line]), [])
            if len(cells) != width:
                return self._cut(row, f"has {len(cells):,} cells where {width:,} belong")
            for number in wanted:
                if not (NUMBER.fullmatch(cells[number]) or cells[number] in NULLS):
                    if cut and row == last:
                        return self._cut(row, f"has no end, and {cells[number][:40]!r} for a number")
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
