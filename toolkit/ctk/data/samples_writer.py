"""Samples that grow on disk: rows are appended in parts, and what was committed survives a kill."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ctk.errors import DamagedError
from ctk.files import read_json, write_json, write_text
from ctk.samples import ARRAYS, Array, Targets

HEADER = 256
"""Bytes of an .npy header, whatever the shape: rewritten in place when the number of rows is known."""
Kind = tuple[np.dtype[Any], tuple[int, ...]]
"""Type of an array, and shape of one of its rows."""


class SamplesWriter:
    """Appends rows to a folder that ``Samples.open`` reads once it is finished.

    A folder that a killed process left goes on from its last commit: ``rows`` and ``state`` say where that is.

        writer = SamplesWriter(folder)
        for part in parts_after(writer.state):
            writer.append({"ids": ids, "features/columns": columns, "target": target})
            writer.commit(state)
        writer.finish(constants={"mean": mean})
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files: dict[str, BinaryIO] = {}
        self.kinds: dict[str, Kind] = {}
        self.rows = 0
        self.state: Any = None
        self.finished = (self.folder / ARRAYS).exists()
        if not self.finished and (self.folder / "committed.json").exists():
            with suppress(DamagedError):  # what a power cut left nothing of is begun anew
                self._go_on(read_json(self.folder / "committed.json", dict[str, Any]))

    def append(self, arrays: Mapping[str, Array]) -> None:
        """Add rows: by name as in ``Samples.save`` ("ids", "features/NAME", "target", "groups/NAME"), (n, ...) each.

        Raises ValueError where arrays differ in length, or in dtype or shape from those before.
        """
        count = len(next(iter(arrays.values())))
        if self.rows and arrays.keys() != self.kinds.keys():
            raise ValueError(f"arrays {sorted(arrays)} follow {sorted(self.kinds)}")
        for name, values in arrays.items():
            if name not in self.kinds:
                self._open(name, values.dtype, values.shape[1:])
            if (values.dtype, values.shape[1:]) != self.kinds[name] or len(values) != count:
                raise ValueError(
                    f"{name} is {values.dtype} {values.shape}: {count} rows of {self.kinds[name]} are needed"
                )
            self.files[name].write(np.ascontiguousarray(values).data)
        self.rows += count

    def commit(self, state: Any) -> None:
        """Make everything appended so far survive; ``state`` (as JSON takes it) says what was read to get there."""
        for file in self.files.values():
            file.flush()
            os.fdatasync(file.fileno())
        arrays = {name: [kind[0].str, list(kind[1])] for name, kind in self.kinds.items()}
        write_json(self.folder / "committed.json", {"rows": self.rows, "state": state, "arrays": arrays})
        self.state = state

    def written(self, name: str) -> Array:
        """Map an array's rows as far as they were appended, read-only."""
        self.files[name].flush()
        dtype, shape = self.kinds[name]
        path = self.folder / f"{name}.npy"
        return np.memmap(path, dtype, mode="r", offset=HEADER, shape=(self.rows, *shape))

    def finish(self, constants: Mapping[str, Array], targets: Targets | None = None) -> None:
        """Write headers, constants and names; from now on ``Samples.open`` reads the folder."""
        for name, file in self.files.items():
            file.seek(0)
            file.write(_header(self.kinds[name], self.rows))
            file.close()
        more = {f"constants/{name}": values for name, values in constants.items()}
        if targets is not None:
            more |= {"targets/names": targets.names, "targets/groups": targets.groups}
        for name, values in more.items():
            path = self.folder / f"{name}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, values, allow_pickle=False)
        write_text(self.folder / ARRAYS, json.dumps([*self.kinds, *more]))
        (self.folder / "committed.json").unlink(missing_ok=True)
        self.finished = True

    def _go_on(self, committed: Mapping[str, Any]) -> None:
        """Take up what was committed; what has lost some of it since is begun anew."""
        kinds = {name: (np.dtype(dtype), tuple(shape)) for name, (dtype, shape) in committed["arrays"].items()}
        sizes = {path: path.stat().st_size for path in self.folder.rglob("*.npy")}
        for name, kind in kinds.items():
            if sizes.get(self.folder / f"{name}.npy", 0) < _end(kind, committed["rows"]):
                return
        self.rows, self.state = committed["rows"], committed["state"]
        for name, kind in kinds.items():
            self._open(name, *kind)

    def _open(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        """Open an array's file where its committed rows end; what was written after them is cut off."""
        path = self.folder / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("r+b" if path.exists() else "w+b")
        end = _end((dtype, shape), self.rows)
        file.truncate(end)
        file.seek(end)
        self.files[name], self.kinds[name] = file, (dtype, shape)


def link_samples(source: Path, folder: Path, without: Sequence[str]) -> None:
    """Link the samples of a folder into another, but for some arrays: the same files, which take no room twice.

    For a test set whose targets are known: ``link_samples(place / "truth", place / "test", without=["target"])``.
    """
    names = [name for name in read_json(source / ARRAYS, list[str]) if name not in without]
    for name in names:
        path = folder / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        try:
            os.link(source / f"{name}.npy", path)
        except OSError:  # a file system without links
            shutil.copyfile(source / f"{name}.npy", path)
    write_text(folder / ARRAYS, json.dumps(names))


def _end(kind: Kind, rows: int) -> int:
    """Bytes of a file with so many rows."""
    dtype, shape = kind
    return HEADER + rows * dtype.itemsize * prod(shape)


def _header(kind: Kind, rows: int) -> bytes:
    """An .npy header of version 1.0 padded to HEADER bytes (numpy.lib.format says what is in it)."""
    dtype, shape = kind
    described = repr({"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (rows, *shape)})
    length = HEADER - 10
    assert len(described) < length
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + f"{described:<{length - 1}}\n".encode("latin1")
