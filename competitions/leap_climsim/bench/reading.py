"""Reading the competition's data into the store, beside pandas.read_csv and xarray with netCDF4.

    python competitions/leap_climsim/bench/reading.py [--only csv] [--steps 60] [--rows 8000] [--seconds 18]
        [--results FOLDER]

Ours does the whole preparation: it checks every cell, transposes, takes the tendencies and the statistics of the
columns, and writes and syncs the store. The peers only read the same files into arrays in memory (from netCDF with
tendencies, as plain as their documentation has it); the floor reads the files' bytes and writes as many as the store
has. All take turns in one process with two threads, on files that lie in the page cache.

The error is the largest difference from the values that the files were made of, relative to the largest value of its
column.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from functools import partial
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import xarray as xr

from ctk.bench.bench_case import BenchCase, Contestant, Run, Verdict
from ctk.bench.measure import measure
from ctk.bench.tables import machine, save
from ctk.cli.bench import print_rows
from ctk.samples import Array, Samples
from ctk_leap_climsim.columns import GRID, INPUT_VARIABLES, INPUTS, LEVELS, SERIES, STATE, STEP, SURFACE, TARGETS, ZERO
from ctk_leap_climsim.reading.climsim import Pair, pairs
from ctk_leap_climsim.reading.reader import ClimSimReader

MONTHS = {"train": "0001-02", "valid": "0001-03", "test": "0001-04"}


def main() -> None:
    """Print the tables and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("steps", 60), ("rows", 8000), ("seconds", 18)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--only", choices=("cdf5", "netcdf4", "csv"), help="one case; left out, all")
    parser.add_argument("--results", type=Path, help="folder of the CSV tables; left out, nothing is kept")
    given = parser.parse_args()
    cases = {
        "cdf5": (partial(of_pairs, "NETCDF3_64BIT_DATA", given.steps, given.seconds), given.steps * GRID),
        "netcdf4": (partial(of_pairs, "NETCDF4", given.steps, given.seconds), given.steps * GRID),
        "csv": (partial(of_tables, given.rows, given.seconds), given.rows),
    }
    for build, rows in [cases[given.only]] if given.only else cases.values():
        with tempfile.TemporaryDirectory(prefix="ctk-bench-") as folder:
            case = build(Path(folder))
            measured = measure("reading", case)
            print_rows(measured)
            for row in measured:
                if row.p50_ms is not None:
                    print(f"{row.contestant:34}{1e3 * rows / row.p50_ms:10,.0f} rows/s")
            if given.results:
                save(measured, machine(), given.results)


def of_pairs(kind: str, steps: int, seconds: float, place: Path) -> BenchCase:
    """Time steps of 384 columns of air as ClimSim's pairs of files."""
    folder = place / kind
    parts = {"0001-02": steps - 2 * (steps // 6), "0001-03": steps // 6, "0001-04": steps // 6}
    columns: list[Array] = []
    target: list[Array] = []
    for month, count in parts.items():
        for step in range(count):
            inputs, outputs = _write_pair(folder, f"{month}-01-{1200 * step:05d}", kind, len(columns))
            columns.append(inputs)
            target.append(outputs)
    there = pairs(folder)
    contestants = [
        _floor(place, folder, MONTHS),
        Contestant("ctk, into the store", partial(_ours, place, folder, MONTHS), "ctk"),
        Contestant("netCDF4, into memory", lambda: partial(_by_netcdf4, there)),
        Contestant("xarray + netCDF4, into memory", lambda: partial(_by_xarray, there)),
    ]
    judge = partial(_judge, np.concatenate(columns), np.concatenate(target))
    return BenchCase(f"{kind} {steps} time steps", "cpu", contestants, judge, seconds)


def of_tables(rows: int, seconds: float, place: Path) -> BenchCase:
    """Kaggle's train.csv; test.csv and sample_submission.csv have one row, for our reader wants them."""
    folder = place / "tables"
    folder.mkdir()
    random = np.random.default_rng(0)
    names = (*INPUTS, *TARGETS)
    values = random.standard_normal((rows, len(names))) * 10.0 ** random.uniform(-12, 3, len(names))
    _write_csv(folder / "train.csv", "train_", names, values)
    _write_csv(folder / "test.csv", "test_", INPUTS, values[:1, : len(INPUTS)])
    _write_csv(folder / "sample_submission.csv", "test_", TARGETS, np.where(ZERO, 0.0, 1.0)[None])
    path = folder / "train.csv"
    contestants = [
        _floor(place, folder, {}),
        Contestant("ctk, into the store", partial(_ours, place, folder, {}), "ctk"),
        Contestant("pyarrow.csv, into memory", lambda: partial(_by_pyarrow, path)),
        Contestant("pandas.read_csv, into memory", lambda: partial(_by_pandas, path)),
    ]
    judge = partial(_judge, values[:, : len(INPUTS)], values[:, len(INPUTS) :])
    return BenchCase(f"CSV {rows:,} rows", "cpu", contestants, judge, seconds)


def _ours(place: Path, folder: Path, options: dict[str, str]) -> Run:
    def run() -> Path:
        prepared = Path(tempfile.mkdtemp(dir=place))
        ClimSimReader(**options).prepare(folder, prepared, lambda what, done, total: None)  # type: ignore[arg-type]
        return prepared

    return run


def _floor(place: Path, folder: Path, options: dict[str, str]) -> Contestant:
    """Read the files and write as many bytes as the store has, and sync them."""

    def prepare() -> Run:
        prepared = _ours(place, folder, options)()
        arrays = [path for part in ("train", "truth") for path in (prepared / part).rglob("*.npy")]
        size = sum(path.stat().st_size for path in arrays)
        return partial(_copy, sorted(folder.rglob("*.*")), place / "written", size)

    return Contestant("reading and writing bytes", prepare, "floor")


def _copy(paths: list[Path], written: Path, size: int) -> None:
    for path in paths:
        path.read_bytes()
    block = bytes(16 << 20)
    with written.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])
        file.flush()
        os.fdatasync(file.fileno())


def _by_netcdf4(there: list[Pair]) -> tuple[Array, Array]:
    columns, target = [], []
    for pair in there:
        with netCDF4.Dataset(pair.mli) as before, netCDF4.Dataset(pair.mlo) as after:
            before.set_auto_mask(False)
            after.set_auto_mask(False)
            inputs = {name: before[name][...] for name in INPUT_VARIABLES}
            moved = [(after[name][...] - inputs[name]) / STEP for name in STATE]
            surface = [after[name][...][None] for name in SURFACE]
        columns.append(np.concatenate([np.atleast_2d(values) for values in inputs.values()]).T.astype(np.float32))
        target.append(np.concatenate([*moved, *surface]).T)
    return np.concatenate(columns), np.concatenate(target)


def _by_xarray(there: list[Pair]) -> tuple[Array, Array]:
    columns, target = [], []
    for pair in there:
        with (
            xr.open_dataset(pair.mli, engine="netcdf4") as before,
            xr.open_dataset(pair.mlo, engine="netcdf4") as after,
        ):
            moved = (after[list(STATE)] - before[list(STATE)]) / STEP
            inputs = [np.atleast_2d(before[name].to_numpy()) for name in INPUT_VARIABLES]
            outputs = [*(moved[name].to_numpy() for name in STATE), *(after[name].to_numpy()[None] for name in SURFACE)]
        columns.append(np.concatenate(inputs).T.astype(np.float32))
        target.append(np.concatenate(outputs).T)
    return np.concatenate(columns), np.concatenate(target)


def _by_pyarrow(path: Path) -> tuple[Array, Array]:
    table = pa.csv.read_csv(path)
    columns, target = (np.stack([table[name].to_numpy() for name in names], axis=1) for names in (INPUTS, TARGETS))
    return columns, target


def _by_pandas(path: Path) -> tuple[Array, Array]:
    table = pd.read_csv(path)
    return table[list(INPUTS)].to_numpy(), table[list(TARGETS)].to_numpy()


def _judge(columns: Array, target: Array, answer: Path | tuple[Array, Array]) -> Verdict:
    """Inputs are compared as float32, which is how they are stored; targets as float64."""
    given = _stored(answer) if isinstance(answer, Path) else answer
    errors = []
    for right, there in ((columns.astype(np.float32), given[0].astype(np.float32)), (target, given[1])):
        errors.append(float((np.abs(there - right).max(axis=0) / np.abs(right).max(axis=0)).max()))
    return Verdict(error=max(errors))


def _stored(prepared: Path) -> tuple[Array, Array]:
    """All rows with targets, training and validation first."""
    parts = [Samples.open(prepared / part) for part in ("train", "truth") if (prepared / part).exists()]
    columns = np.concatenate([part.features["columns"] for part in parts])
    return columns, np.concatenate([part.target for part in parts if part.target is not None])


def _write_pair(folder: Path, stamp: str, kind: str, seed: int) -> tuple[Array, Array]:
    """A pair of files; the inputs (384, 556) and targets (384, 368) that are in it."""
    random = np.random.default_rng(seed)
    before = {name: random.standard_normal((LEVELS, GRID) if name in SERIES else GRID) for name in INPUT_VARIABLES}
    after = {name: before[name] + random.standard_normal((LEVELS, GRID)) for name in STATE}
    after |= {name: random.standard_normal(GRID) for name in SURFACE}
    unread = {"state_pmid": before["state_t"], "cam_in_SNOWHICE": before["state_ps"]}
    month = folder / "train" / stamp[:7]
    month.mkdir(parents=True, exist_ok=True)
    for which, variables in (("mli", before | unread), ("mlo", after)):
        path = month / f"E3SM-MMF.{which}.{stamp}.nc"
        with netCDF4.Dataset(path, "w", format=kind) as file:  # type: ignore[arg-type]
            file.createDimension("ncol", GRID)
            file.createDimension("lev", LEVELS)
            for name, values in variables.items():
                file.createVariable(name, "f8", ("lev", "ncol")[-values.ndim :])[...] = values
    target = [(after[name] - before[name]) / STEP for name in STATE] + [after[name][None] for name in SURFACE]
    return np.concatenate([np.atleast_2d(values) for values in before.values()]).T, np.concatenate(target).T


def _write_csv(path: Path, prefix: str, names: tuple[str, ...], values: Array) -> None:
    columns = {"sample_id": [f"{prefix}{row}" for row in range(len(values))]}
    table = pa.table(columns | {name: values[:, number] for number, name in enumerate(names)})
    pa.csv.write_csv(table, path, pa.csv.WriteOptions(quoting_style="none"))


if __name__ == "__main__":
    main()
