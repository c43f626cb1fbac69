"""ClimSim's own files, pairs of states before (mli) and after (mlo) a time step: which there are, and what is in them.

Names, variables and the tendencies are those of ClimSim's repository (climsim_utils/data_utils.py): the state before is
the input, ``ptend = (after - before) / 1200 s``, and ``cam_out_*`` are copied.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ctk.contract import DataItem
from ctk.errors import DataError, UsageError
from ctk.samples import Array
from ctk_leap_climsim.columns import (
    EXACT_INPUTS,
    INPUT_VARIABLES,
    INPUTS,
    LEVELS,
    SERIES,
    STATE,
    STEP,
    SURFACE,
    TARGETS,
    spread,
)
from ctk_leap_climsim.reading.months import Months
from ctk_leap_climsim.reading.netcdf import open_netcdf, stacked
from ctk_leap_climsim.reading.rows import Rows
from ctk_leap_climsim.synthetic import timeline

NAME = re.compile(r"E3SM-MMF\.mli\.((\d{4}-\d{2})-\d{2}-\d{5})\.nc")
GET = (
    "ClimSim's low-resolution files are the data set LEAP/ClimSim_low-res on the Hugging Face hub, folder train/; "
    "or give no folder to use synthetic columns."
)
OFFICIAL = {"train": "0001-02..0008-01/7", "valid": "0008-02..0008-07/7", "test": "0008-08..0009-01/6"}
"""Months and stride of Kaggle's train.csv; of ClimSim's year for validation (stride 7) and scoring (6), a half each."""
SYNTHETIC = {"train": timeline.TRAIN, "valid": timeline.VALID, "test": timeline.TEST}

AFTER = (*STATE, *SURFACE)
CELLS = (*INPUTS, *spread(AFTER, STATE))
MOVED = LEVELS * len(STATE)
"""So many of the first inputs and targets are states and their tendencies, in the same order."""


class Pair(NamedTuple):
    """The two files of a time step."""

    month: str
    mli: Path
    mlo: Path


@dataclass(frozen=True)
class Parts:
    """Of each part ("train", "valid", "test") its months and its pairs in the order of time.

    synthetic  whether the files are this plugin's own
    width      columns of the grid
    """

    months: dict[str, Months]
    pairs: dict[str, list[Pair]]
    synthetic: bool
    width: int

    @property
    def paths(self) -> list[Path]:
        """The files of all parts."""
        return [path for some in self.pairs.values() for pair in some for path in (pair.mli, pair.mlo)]


def pairs(folder: Path) -> list[Pair]:
    """All pairs below a folder in the order of time; an mlo is not looked for yet."""
    found = [(match, path) for path in folder.rglob("E3SM-MMF.mli.*.nc") if (match := NAME.fullmatch(path.name))]
    found.sort(key=lambda each: (each[0][1], each[1]))
    return [Pair(match[2], path, path.with_name(path.name.replace(".mli.", ".mlo."))) for match, path in found]


def parts(folder: Path, ranges: dict[str, str | None]) -> Parts:
    """Which pairs are trained on, validated on and predicted, by months as text; None are those of the layout.

    Raises DataError for months without files, an mli without its mlo and a time step that is there twice, UsageError
    for months that overlap.
    """
    there = pairs(folder)
    if not there:
        raise DataError(f"{folder}: there is no E3SM-MMF.mli.*.nc in it or below.", GET)
    for one, two in pairwise(there):
        if one.mli.name == two.mli.name:
            raise DataError(f"{one.mli} and {two.mli} are the same time step.", "Remove one of them.")
    with open_netcdf(there[0].mli) as file:
        synthetic = "climt_version" in file.attributes
    own = SYNTHETIC if synthetic else OFFICIAL
    months = {part: Months.of(part, ranges[part] or own[part]) for part in own}
    for one_part, other in combinations(months, 2):
        if months[one_part].overlaps(months[other]):
            raise UsageError(
                f"Config keys 'data.{one_part}' and 'data.{other}': {months[one_part]} and {months[other]} overlap.",
                "A time step belongs to one part.",
            )
    chosen = {part: [pair for pair in there if pair.month in of][:: of.stride] for part, of in months.items()}
    for part, some in chosen.items():
        if not some:
            raise DataError(f"{folder}: there is no file of {months[part]}, the months of '{part}'.", _other(there))
    for pair in (pair for some in chosen.values() for pair in some):
        if not pair.mlo.is_file():
            raise DataError(f"{pair.mlo}: there is no such file; {pair.mli.name} needs its twin.", GET)
    return Parts(months, chosen, synthetic, stacked(there[0].mli, (), ("state_ps",)).shape[1])


def describe(folder: Path) -> list[DataItem]:
    """One row for all pairs below a folder: how many, of which months, and what is missing. Never raises."""
    item = "E3SM-MMF.{mli,mlo}.*.nc"
    try:
        there = pairs(folder)
    except OSError:
        there = []
    if not there:
        return [DataItem(item, None, "", GET)]
    lone = [pair.mlo for pair in there if not pair.mlo.is_file()]
    months = sorted({pair.month for pair in there})
    detail = f"{len(there) - len(lone):,} time steps of {len(months):,} months, {months[0]} to {months[-1]}"
    if lone:
        return [DataItem(item, folder, f"{detail}; {len(lone):,} mlo are missing, first {lone[0].name}", GET)]
    return [DataItem(item, folder, detail, "")]


class PairReader:
    """Reads pairs of one grid, of ``width`` columns; keeps room for one, for that is most of the time it would take."""

    def __init__(self, width: int) -> None:
        self._before, self._after = np.empty((len(INPUTS), width)), np.empty((len(TARGETS), width))

    def read(self, pair: Pair) -> tuple[Rows, Array | None]:
        """The columns of a time step in the files' order, and where a cell of the files is no number.

        returns  n = width rows; bad (n, 924) bool in the order of CELLS, or None if there is none
        Raises DataError that names file and variable.
        """
        before = self._stacked(pair.mli, SERIES, INPUT_VARIABLES, self._before)
        after = self._stacked(pair.mlo, STATE, AFTER, self._after)
        bad = None if np.isfinite(before.sum() + after.sum()) else ~np.isfinite(np.concatenate([before, after])).T
        after[:MOVED] -= before[:MOVED]
        after[:MOVED] /= STEP
        return Rows(before.T.astype(np.float32, order="C"), before[EXACT_INPUTS].T.copy(), after.T.copy()), bad

    def _stacked(self, path: Path, series: Sequence[str], names: Sequence[str], out: Array) -> Array:
        rows = stacked(path, series, names, out)
        if rows.shape != out.shape:
            raise DataError(
                f"{path}: has {rows.shape[1]:,} columns where the first file has {out.shape[1]:,}.",
                "Keep files of one grid in a folder.",
            )
        return rows


def cell(pair: Pair, column: int, number: int) -> str:
    """What people call a cell that ``PairReader.read`` finds bad."""
    return f"{pair.mli if number < len(INPUTS) else pair.mlo}, ncol {column}, {CELLS[number]}"


def _other(there: Sequence[Pair]) -> str:
    """Help for months without files: what there is, and how it could be divided."""
    months = sorted({pair.month for pair in there})
    shown = ", ".join(months[:6]) + (f" ... {months[-1]}" if len(months) > 6 else "")
    if len(months) < 3:
        return f"Months there: {shown}. Three are needed: to train on, to validate on, to predict."
    return (
        f"Months there: {shown}. Divide them: -o data.train={months[0]}..{months[-3]}"
        f" -o data.valid={months[-2]} -o data.test={months[-1]}."
    )
