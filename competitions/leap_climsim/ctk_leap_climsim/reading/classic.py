"""netCDF's classic formats (CDF-1, CDF-2, CDF-5): the header, and variables as they lie in the file.

The layout is that of the "NetCDF Classic Format Specification" and its CDF-5 extension (Unidata and PnetCDF). Read
here rather than through the netCDF library, for the library gives zeros and rests of other variables where a file is
cut short, and says nothing; the header says how long the file must be.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ctk.errors import DataError
from ctk.samples import Array

AGAIN = "Download or make the file again."
TYPES = {1: "i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8", 7: "u1", 8: ">u2", 9: ">u4", 10: ">i8", 11: ">u8"}
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12
FILLS = ("_FillValue", "missing_value")
"""Attributes of a variable that say which value stands for none."""


@dataclass(frozen=True)
class Variable:
    """What the header says of a variable: its values lie in one piece from byte ``begin``."""

    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    attributes: dict[str, Any]
    begin: int

    @property
    def end(self) -> int:
        """Byte after its last; of one that grows by records, which have length 0 here, where its records begin."""
        return self.begin + prod(self.shape) * self.dtype.itemsize


class Classic:
    """A file of a classic format, mapped into memory.

    variables   by name
    attributes  of the file: str, or arrays of numbers
    Raises DataError where the header is damaged or the file is shorter than the header says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            self._read_header()
        except (IndexError, KeyError, ValueError, OverflowError, UnicodeDecodeError) as error:
            raise DataError(
                f"{path}: the header is damaged or cut short ({len(self._bytes):,} bytes).", AGAIN
            ) from error
        needed = max((each.end for each in self.variables.values()), default=0)
        if len(self._bytes) < needed:
            whole = [name for name, each in self.variables.items() if each.end <= len(self._bytes)]
            upto = f", up to {whole[-1]}" if whole else ""
            raise DataError(
                f"{path}: is cut short: {len(self._bytes):,} of {needed:,} bytes are there;"
                f" {len(whole)} of its {len(self.variables)} variables are whole{upto}.",
                AGAIN,
            )

    def values(self, name: str) -> Array:
        """A variable's values, read-only, in the file's byte order."""
        variable = self.variables[name]
        flat = np.frombuffer(self._bytes, variable.dtype, prod(variable.shape), variable.begin)
        return flat.reshape(variable.shape)

    def fills(self, name: str) -> list[float]:
        """The values that stand for none."""
        there = self.variables[name].attributes
        return [float(there[fill][0]) for fill in FILLS if fill in there]

    def _read_header(self) -> None:
        self._version = self._bytes[3]
        if self._version not in (1, 2, 5):
            raise ValueError(f"version {self._version}")
        self._at, self._wide = 4, 8 if self._version == 5 else 4
        self._count()  # of records
        dimensions = [(self._name(), self._count()) for _ in range(self._list(DIMENSIONS))]
        self.attributes = self._attributes()
        self.variables = dict(self._variable(dimensions) for _ in range(self._list(VARIABLES)))

    def _variable(self, dimensions: list[tuple[str, int]]) -> tuple[str, Variable]:
        name = self._name()
        mine = [dimensions[self._count()] for _ in range(self._count())]
        attributes = self._attributes()
        dtype = np.dtype(TYPES[self._integer(4)])
        self._count()  # vsize: the shape says it too, and vsize overflows in large files
        begin = self._integer(4 if self._version == 1 else 8)
        names, shape = tuple(each[0] for each in mine), tuple(each[1] for each in mine)
        return name, Variable(names, shape, dtype, attributes, begin)

    def _attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(self._list(ATTRIBUTES)):
            name, dtype = self._name(), np.dtype(TYPES[self._integer(4)])
            raw = self._take(self._count() * dtype.itemsize)
            found[name] = raw.decode("utf-8", "replace") if dtype.kind == "S" else np.frombuffer(raw, dtype)
        return found

    def _list(self, tag: int) -> int:
        """Length of a list; of one that is absent, 0."""
        there, count = self._integer(4), self._count()
        if there not in (tag, 0) or (there == 0 and count):
            raise ValueError(f"tag {there}")
        return count

    def _name(self) -> str:
        return self._take(self._count()).decode("utf-8")

    def _count(self) -> int:
        return self._integer(self._wide)

    def _integer(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def _take(self, size: int) -> bytes:
        """The next bytes; what pads them to a multiple of four is passed over."""
        raw = self._bytes[self._at : self._at + size]
        if len(raw) < size:
            raise ValueError("the header ends early")
        self._at += size + -size % 4
        return raw
