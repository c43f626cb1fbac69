"""A time step as ClimSim's pair of files: train/YYYY-MM/E3SM-MMF.mli.YYYY-MM-DD-SSSSS.nc and its mlo twin (CDF-5)."""

from __future__ import annotations

import os
from pathlib import Path

import netCDF4

from ctk.files import atomic
from ctk.samples import Array
from ctk_leap_climsim.columns import GRID, LEVELS, UNITS
from ctk_leap_climsim.synthetic.timeline import Moment

VERSION = 2
"""Raised whenever the same seed makes other values."""
BYTES = 3_200_000
"""Room a pair takes on the disk, bytes; a little more than measured."""


def paths(out: Path, moment: Moment) -> tuple[Path, Path]:
    """Input and output file of a time step."""
    folder = out / "train" / moment.month
    return folder / f"E3SM-MMF.mli.{moment.stamp}.nc", folder / f"E3SM-MMF.mlo.{moment.stamp}.nc"


def origin(seed: int, climt: str) -> dict[str, str | int]:
    """What the global attributes of every file say of where the columns come from."""
    return {
        "title": "Synthetic columns of air in ClimSim's layout",
        "source": (
            "The columns are synthetic (random profiles, no simulation, no observation). The schemes are real: RRTMG"
            f" longwave and shortwave, Emanuel convection and large-scale condensation of climt {climt}."
        ),
        "climt_version": climt,
        "seed": seed,
        "version": VERSION,
        "calendar": "noleap",
    }


def write(path: Path, variables: dict[str, Array], attributes: dict[str, str | int]) -> None:
    """Write variables of (lev, ncol) or (ncol,) as float64, atomically."""
    with atomic(path) as temporary, netCDF4.Dataset(temporary, "w", format="NETCDF3_64BIT_DATA") as file:
        file.createDimension("ncol", GRID)
        file.createDimension("lev", LEVELS)
        file.setncatts(attributes)
        for name, values in variables.items():
            variable = file.createVariable(name, "f8", ("lev", "ncol")[-values.ndim :])
            variable.units = UNITS[name]
            variable[:] = values


def is_made(out: Path, moment: Moment, seed: int) -> bool:
    """Whether a time step's pair is there, whole, and of this seed and version."""
    for path in paths(out, moment):
        try:
            with netCDF4.Dataset(path) as file:
                if (file.getncattr("seed"), file.getncattr("version")) != (seed, VERSION):
                    return False
        except (OSError, AttributeError):
            return False
    return True


def sweep(out: Path) -> None:
    """Remove half-written files of processes that are no more."""
    for left in (out / "train").glob("*/.E3SM-MMF.*.part"):
        try:
            os.kill(int(left.name.split(".")[-2]), 0)
        except ProcessLookupError:
            left.unlink(missing_ok=True)
        except (PermissionError, ValueError):  # somebody else's process, or no file of ours
            continue
