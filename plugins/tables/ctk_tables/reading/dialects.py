"""How a file of text is written: its encoding, what is between cells, the decimal mark."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ctk.errors import DataError
from ctk_tables.description import Dialect
from ctk_tables.reading.archives import open_stored

HEAD = 1 << 20
"""Bytes that separators and decimal marks are looked for in."""
DECODED = 1 << 30
"""Bytes of a file that are decoded to learn its encoding; reading tells of what comes after them."""
ROWS = 200
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""How files begin that say their encoding."""
NO_TABLES = {
    b"PK\x03\x04": "an archive or a workbook of a spreadsheet",
    b"\xd0\xcf\x11\xe0": "a workbook of a spreadsheet",
    b"PAR1": "a Parquet file",
    b"<!DOCTYPE": "a web page, as a download without a login gives",
    b"<html": "a web page, as a download without a login gives",
    b"version https://git-lfs": "a pointer of Git LFS, not the file it stands for",
}
"""How files begin that are no text of cells."""
CP1252 = frozenset(range(0x80, 0xA0)) - {0x81, 0x8D, 0x8F, 0x90, 0x9D}
"""Bytes that are characters in Windows' Western encoding, and control characters in Latin-1."""
COMMA, POINT = re.compile(r"[-+]?[0-9]+,[0-9]+"), re.compile(r"[-+]?[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]+)?")
THOUSANDS = re.compile(r"[-+]?[0-9]{1,3}(?:,[0-9]{3})+")


def sniff(folder: Path, path: str) -> Dialect | None:
    """Tell how a file is written; None for Parquet. Raises DataError for one that is empty, or no table."""
    if path.lower().endswith((".parquet", ".pq")):
        return None
    with open_stored(folder, path) as stream:
        head = stream.read(HEAD)
        for begin, what in NO_TABLES.items():
            if head.lstrip()[: len(begin)].lower() == begin.lower():
                raise DataError(f"{folder / path}: is {what}.", "Save it as CSV or Parquet, or download it again.")
        encoding = next((name for mark, name in MARKS.items() if head.startswith(mark)), "")
        if not encoding:
            encoding = _encoding(head, stream)
    text = head.decode(encoding, "ignore")
    if not text.strip():
        raise DataError(f"{folder / path}: is empty.", "Download it again.")
    return _dialect(text, encoding, len(head) == HEAD, ".tsv" in path.lower() or ".tab" in path.lower())


def _encoding(head: bytes, stream: BinaryIO) -> str:
    """UTF-8 where all of it is; else Windows' or ISO's Western encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    seen, block = 0, head
    try:
        while block and seen < DECODED:
            decoder.decode(block)
            seen += len(block)
            block = stream.read(HEAD)
    except UnicodeDecodeError:
        upper = {byte for byte in {*head, *block} if 0x80 <= byte < 0xA0}
        return "cp1252" if upper and upper <= CP1252 else "latin-1"
    return "utf-8"


def _dialect(text: str, encoding: str, cut: bool, tabs: bool) -> Dialect:
    """Choose what divides the first rows best: into as many cells in each, and the most."""
    best: tuple[float, int] = (-1.0, 0)
    chosen, table = (",", '"'), [[""]]
    for quote in ('"', "'"):
        for separator in ("\t", ",", ";", "|") if tabs else (",", ";", "\t", "|"):
            rows = _divide(text, separator, quote)
            rows = rows[:-1] if cut and len(rows) > 2 else rows  # the last one may be half
            if not rows or len(rows[0]) < 2:
                continue
            alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
            quoted = any(len(cell) > 1 and cell[0] == cell[-1] == "'" for row in rows for cell in row)
            if (alike, len(rows[0]) * (not quoted or quote == "'")) > best:
                best, chosen, table = (alike, len(rows[0])), (separator, quote), rows
    decimal = _decimal(table[1:], chosen[0])
    return Dialect(encoding=encoding, separator=chosen[0], quote=chosen[1], decimal=decimal)


def _divide(text: str, separator: str, quote: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quotechar=quote)
    rows: list[list[str]] = []
    with suppress(csv.Error):  # a cell that never ends
        rows += islice((row for row in reader if row), ROWS)
    return rows


def _decimal(rows: Sequence[Sequence[str]], separator: str) -> str:
    """A comma where numbers have one and none has a point; 1,234 alone is a thousand and more in English."""
    cells = [cell.strip() for row in rows for cell in row]
    if any(POINT.fullmatch(cell) for cell in cells):
        return "."
    commas = [cell for cell in cells if COMMA.fullmatch(cell)]
    plain = commas if separator == ";" else [cell for cell in commas if not THOUSANDS.fullmatch(cell)]
    return "," if plain else "."
