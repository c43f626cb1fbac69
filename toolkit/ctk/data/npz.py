"""Reading .npz files (np.savez, np.savez_compressed) that may be damaged, huge or hostile.

Nothing is unpickled, nothing is read before it is asked for, and every complaint names the file, the key and,
where there is one, the row (counted from 0, as numpy counts).
"""

from __future__ import annotations

import difflib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from ctk.errors import DataError

Array = np.ndarray[Any, Any]
Shape = tuple[int | None, ...]

CHUNK = 4 << 20  # bytes decompressed at a time: large enough to be fast, small beside any array worth streaming
AGAIN = "Download or make the file again."
KINDS = {"f": "floating", "i": "integer", "u": "integer", "b": "boolean", "U": "text"}


@dataclass(frozen=True)
class Header:
    """The header of a member: what its first bytes say about its array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool


class Npz:
    """The arrays of one .npz file, by key: ``with Npz(path) as file: file.read("x", kind="f", shape=(None, 8))``.

    Raises DataError where the file is missing, is no .npz, is cut short, fails its checksum, holds pickled objects,
    lacks a key, or has an array of another kind or shape than asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self._zip = zipfile.ZipFile(self.path)
        except FileNotFoundError:
            raise DataError(f"{self.path}: there is no such file.", "Check the path.") from None
        except (zipfile.BadZipFile, NotImplementedError):
            raise DataError(f"{self.path}: {self._why_no_zip()}", AGAIN) from None
        except OSError as error:
            raise DataError(f"{self.path}: cannot be opened ({error.strerror or error}).", "Check the file.") from error
        self._members = {info.filename.removesuffix(".npy"): info for info in self._zip.infolist()}
        self._headers: dict[str, Header] = {}

    def __enter__(self) -> Npz:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def __contains__(self, key: str) -> bool:
        return key in self._members

    def members(self) -> list[zipfile.ZipInfo]:
        """List the archive's own directory."""
        return list(self._members.values())

    def keys(self) -> list[str]:
        """List the keys, in the file's order."""
        return list(self._members)

    def shape(self, key: str) -> tuple[int, ...]:
        """Read the shape of an array, from its header alone."""
        return self._header(key).shape

    def dtype(self, key: str) -> np.dtype[Any]:
        """Read the dtype of an array as stored, from its header alone."""
        return self._header(key).dtype

    def read(self, key: str, *, kind: str, shape: Shape, finite: bool = True) -> Array:
        """Read one array and check it.

        kind    letters of numpy's ``dtype.kind`` that are accepted: "f", "iu", "U", "b"
        shape   what the shape must be; None stands for any length
        finite  refuse NaN and infinities, naming the first bad row; False leaves them to the caller
        returns floats as float32, all else in its own dtype and native byte order
        memory  the array plus a few MB
        """
        header = self._check(key, kind, shape)
        stored = header.shape[::-1] if header.fortran else header.shape
        array = np.empty(stored, _native(header.dtype))
        rows = array.reshape(1) if array.ndim == 0 else array
        for start, block in self._stream(key, _rows_of(CHUNK, stored, header.dtype)):
            rows[start : start + len(block)] = block
        if header.fortran:
            array = array.T
        if finite and array.dtype.kind == "f" and len(bad := rows_not_finite(array)):
            raise self.fault(key, "a value is not a finite float32 number.", "Mend or drop that row.", row=int(bad[0]))
        return array

    def blocks(self, key: str, rows: int, *, kind: str, shape: Shape) -> Iterator[tuple[int, Array]]:
        """Stream ``(first row, block of at most rows rows)`` out of the decompressor.

        dtype   as ``read``; values are not checked to be finite
        memory  one block (an array stored in Fortran order has no rows to stream and is read whole)
        """
        header = self._check(key, kind, shape)
        if header.fortran:
            whole = self.read(key, kind=kind, shape=shape, finite=False)
            yield from ((start, whole[start : start + rows]) for start in range(0, len(whole), rows))
        else:
            yield from self._stream(key, rows)

    def fault(self, key: str, problem: str, help: str, row: int | None = None) -> DataError:
        """Make a DataError that names this file, the key and, if given, the row."""
        where = f"{self.path.name}, {key}" + ("" if row is None else f", row {row:,}")
        return DataError(f"{where}: {problem}", help)

    def _check(self, key: str, kind: str, shape: Shape) -> Header:
        header = self._header(key)
        if header.dtype.kind not in kind:
            wanted = " or ".join(dict.fromkeys(KINDS[letter] for letter in kind))
            raise self.fault(key, f"is {header.dtype}; {wanted} was expected.", f"Save it with a {wanted} dtype.")
        agrees = len(shape) == len(header.shape) and all(
            want is None or want == got for want, got in zip(shape, header.shape, strict=True)
        )
        if not agrees:
            raise self.fault(
                key,
                f"has shape {_format_shape(header.shape)}; {_format_shape(shape)} was expected.",
                "Check that all arrays of the file were made together.",
            )
        return header

    def _header(self, key: str) -> Header:
        if key not in self._headers:
            with self._open_member(key) as (stream, header):
                # The directory knows the unpacked size: a lying header is caught before anything is allocated.
                there = self._members[key].file_size - stream.tell()
                said = prod(header.shape) * header.dtype.itemsize
                if there != said:
                    raise self.fault(key, f"holds {there:,} bytes where its header promises {said:,}.", AGAIN)
            self._headers[key] = header
        return self._headers[key]

    def _stream(self, key: str, rows: int) -> Iterator[tuple[int, Array]]:
        with self._open_member(key) as (stream, header):
            shape = header.shape[::-1] if header.fortran else header.shape
            total, rest = (shape[0], shape[1:]) if shape else (1, ())
            row_bytes = prod(rest) * header.dtype.itemsize
            for start in range(0, total, rows):
                count = min(rows, total - start)
                raw = bytearray(count * row_bytes)
                self._fill(stream, raw, key)
                block = np.ndarray((count, *rest), header.dtype, buffer=raw)
                with np.errstate(over="ignore"):  # a float64 too large for float32 becomes inf, and inf is reported
                    yield start, block.astype(_native(header.dtype), copy=False)
            # Only at its end does a member's checksum get compared; reading on also finds what the header hides.
            if stream.read(1):
                raise self.fault(key, "holds more bytes than its header promises.", AGAIN)

    def _fill(self, stream: IO[bytes], raw: bytearray, key: str) -> None:
        view, done = memoryview(raw), 0
        while done < len(raw):
            got = stream.read(min(CHUNK, len(raw) - done))
            if not got:
                raise self.fault(key, f"ends {len(raw) - done:,} bytes early.", AGAIN)
            view[done : done + len(got)] = got
            done += len(got)

    @contextmanager
    def _open_member(self, key: str) -> Iterator[tuple[IO[bytes], Header]]:
        """A member opened behind its header; whatever is wrong inside becomes a DataError."""
        if key not in self._members:
            raise self._missing(key)
        try:
            with self._zip.open(self._members[key]) as stream:
                yield stream, self._parse(key, stream)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise self.fault(key, f"is damaged ({error}).", AGAIN) from error

    def _parse(self, key: str, stream: IO[bytes]) -> Header:
        try:
            version = np.lib.format.read_magic(stream)
            parse = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = parse(stream)
        except ValueError as error:
            raise self.fault(key, f"is not an array ({str(error).splitlines()[0]}).", AGAIN) from error
        if dtype.hasobject:
            raise self.fault(
                key,
                "holds pickled Python objects, which could run code and are never loaded.",
                "Save it as plain numbers or text: np.asarray(values, dtype=str).",
            )
        return Header(shape, dtype, bool(fortran) and len(shape) > 1)

    def _missing(self, key: str) -> DataError:
        close = difflib.get_close_matches(key, self.keys(), n=1)
        hint = f"Did you mean '{close[0]}'? " if close else ""
        return self.fault(key, "there is no such key.", f"{hint}The file has: {', '.join(self.keys()) or 'nothing'}.")

    def _why_no_zip(self) -> str:
        with self.path.open("rb") as file:
            begins = file.read(4) == b"PK\x03\x04"
        return "is cut short; its end is missing." if begins else "is not an .npz file."


BEYOND_FLOAT32 = 2.0**128 - 2.0**103
"""From here on float32 has only infinity: its largest number and half a step."""


def fits_float32(values: Array) -> Array:
    """Whether each number of a floating array is finite, as float32 too: bool of its shape."""
    narrow = values.dtype.itemsize <= 4
    fits: Array = np.isfinite(values) if narrow else (values < BEYOND_FLOAT32) & (values > -BEYOND_FLOAT32)
    return fits


def rows_not_finite(array: Array) -> Array:
    """Find the rows of an (N, ...) floating array with a NaN, an infinity or a number beyond float32, (K,) int64.

    Takes a few MB of memory.
    """
    if array.ndim == 0:
        return np.flatnonzero(~fits_float32(array.reshape(1)))
    step = _rows_of(CHUNK, array.shape, array.dtype)
    found = [np.empty(0, np.int64)]
    for start in range(0, len(array), step):
        fine = fits_float32(array[start : start + step])
        if not fine.all():
            found.append(start + np.flatnonzero(~fine.reshape(len(fine), -1).all(axis=1)))
    return np.concatenate(found)


def _rows_of(size: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return max(1, size // max(1, prod(shape[1:]) * dtype.itemsize))


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float32) if dtype.kind == "f" else dtype.newbyteorder("=")


def _format_shape(shape: Shape) -> str:
    return "(" + ", ".join("any" if length is None else f"{length:,}" for length in shape) + ")"


def member_checksums(path: Path) -> list[tuple[str, int, int]]:
    """Read name, size and CRC-32 of each member, from the archive's directory alone.

    Raises DataError if it has none.
    """
    with Npz(path) as file:
        return [(member.filename, member.file_size, member.CRC) for member in file.members()]
