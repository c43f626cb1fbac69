"""Variables of a netCDF file, classic or netCDF-4, as columns of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import netCDF4
import numpy as np

from ctk.errors import DataError
from ctk.samples import Array
from ctk_leap_climsim.columns import LEVELS
from ctk_leap_climsim.reading.classic import AGAIN, FILLS, Classic

HDF = b"\x89HDF\r\n\x1a\n"
FILL = 1e36
"""What is as large as this is no number of the atmosphere: netCDF fills with 9.97e36, the climate model with 1e36."""
SHOWN = 5


class Variable(Protocol):
    """What is known of a variable before its values are read."""

    @property
    def dimensions(self) -> tuple[str, ...]: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...


class File(Protocol):
    """An open netCDF file, whatever its format."""

    attributes: dict[str, Any]

    @property
    def variables(self) -> Mapping[str, Any]: ...

    def values(self, name: str) -> Array:
        """A variable's values as they are stored, neither masked nor scaled."""

    def fills(self, name: str) -> list[float]:
        """The values that stand for none."""


@contextmanager
def open_netcdf(path: Path) -> Iterator[File]:
    """A netCDF file. Raises DataError where it is none, is damaged, or is cut short: with how much of it is there."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(HDF))
        if begin[:3] == b"CDF":
            yield Classic(path)
        elif begin == HDF:
            with netCDF4.Dataset(path) as dataset:
                yield _Hdf(dataset)
        else:
            raise DataError(f"{path}: is {'no netCDF file' if begin else 'empty'}.", AGAIN)
    except (OSError, RuntimeError) as error:  # the library has no error of its own for a damaged file
        size = path.stat().st_size if path.is_file() else 0
        raise DataError(
            f"{path}: cannot be read; is it cut short? {size:,} bytes are there ({error}).", AGAIN
        ) from None


def stacked(path: Path, series: Sequence[str], names: Sequence[str], out: Array | None = None) -> Array:
    """Some variables one below the other, (C, ncol) float64: those named in ``series`` give a row a level.

    out     where to write them if it has that shape: fresh memory takes longer to come by than a file to be read
    returns NaN where there is no number: a fill value, NaN, or an infinity
    Raises DataError that names the variables that are missing or of another shape or type.
    """
    with open_netcdf(path) as file:
        if missing := [name for name in names if name not in file.variables]:
            shown = f"{', '.join(missing[:SHOWN])}{' ...' if len(missing) > SHOWN else ''}"
            raise DataError(f"{path}: {len(missing):,} variables are missing: {shown}.", AGAIN)
        width = _width(path, file, series, names)
        levels = [LEVELS if name in series else 1 for name in names]
        rows = out if out is not None and out.shape == (sum(levels), width) else np.empty((sum(levels), width))
        at = 0
        for name, count in zip(names, levels, strict=True):
            part = rows[at : at + count]
            part[...] = file.values(name)
            for fill in file.fills(name):
                part[part == fill] = np.nan
            at += count
    if not max(rows.max(), -rows.min()) < FILL:  # of NaN both are NaN
        rows[~(np.abs(rows) < FILL)] = np.nan
    return rows


def _width(path: Path, file: File, series: Sequence[str], names: Sequence[str]) -> int:
    """ncol, once every variable has turned out to have the shape it should."""
    sizes: dict[str, int] = {}
    for name in names:
        sizes |= zip(file.variables[name].dimensions, file.variables[name].shape, strict=True)
    width = int(sizes.get("ncol", 0))
    for name in names:
        variable: Variable = file.variables[name]
        dimensions, shape = (("lev", "ncol"), (LEVELS, width)) if name in series else (("ncol",), (width,))
        if (tuple(variable.dimensions), tuple(variable.shape)) != (dimensions, shape) or not width:
            there = ", ".join(f"{each} {n:,}" for each, n in zip(variable.dimensions, variable.shape, strict=True))
            right = ", ".join(f"{each} {n:,}" for each, n in zip(dimensions, shape, strict=True))
            raise DataError(f"{path}, {name}: has the dimensions ({there}) where ({right}) belong.", AGAIN)
        if np.dtype(variable.dtype).kind != "f":
            raise DataError(
                f"{path}, {name}: is {np.dtype(variable.dtype).name}, not floating.", "Use ClimSim's own files."
            )
    return width


class _Hdf:
    """A netCDF-4 file through the netCDF library."""

    def __init__(self, dataset: netCDF4.Dataset) -> None:
        dataset.set_auto_maskandscale(False)
        self.variables = dataset.variables
        self.attributes = {name: dataset.getncattr(name) for name in dataset.ncattrs()}

    def values(self, name: str) -> Array:
        return np.asarray(self.variables[name][...])

    def fills(self, name: str) -> list[float]:
        there = self.variables[name].ncattrs()
        return [float(self.variables[name].getncattr(fill)) for fill in FILLS if fill in there]
