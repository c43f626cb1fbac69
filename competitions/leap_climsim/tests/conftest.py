"""Small data in both layouts, made here: tables as Kaggle's, pairs of files as ClimSim's; and a run on the tables.

The default data is made of 1,152 columns of air here.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ctk.samples import Array, Data
from ctk_leap_climsim.columns import GRID, INPUT_VARIABLES, INPUTS, LEVELS, SERIES, STATE, SURFACE, TARGETS, ZERO
from ctk_leap_climsim.reading.reader import ClimSimReader
from ctk_leap_climsim.synthetic import default

NCOL = 8
MEMBERS = (
    "members=[{model: {name: ridge, standardise: true, features: [columns]}, blend: false, seeds: [0]},"
    " {model: {name: column-mlp, hidden: 8, layers: 1}, loss: smooth-l1-levels, epochs: 2, batch: {size: 16},"
    " stages: [{}, {epochs: 1, copies: target-groups}]},"
    " {model: {name: res-bilstm, hidden: 4, layers: 2}, loss: smooth-l1-levels, epochs: 1, batch: {size: 16}}]"
)
SMALL = ("--preset", "quick", "-o", MEMBERS, "-o", "executor.name=serial", "-o", "executor.threads=1")
"""The quick preset with small members, in this process."""


@pytest.fixture(autouse=True)
def few_columns(monkeypatch) -> None:
    """As few columns of air as there can be are made where no data is given."""
    monkeypatch.setattr(default, "COLUMNS", 3 * GRID)


@pytest.fixture(scope="session")
def once_tables(once) -> Path:
    """Kaggle's tables that no test writes to: 30 rows in three time steps to train on, five to predict."""
    return once("leap-tables", make_tables)


@pytest.fixture
def tables(once_tables, tmp_path) -> Path:
    """Kaggle's tables of this test."""
    return shutil.copytree(once_tables, tmp_path / "tables")


@pytest.fixture(scope="session")
def finished(once, ctk_in, once_tables) -> Path:
    """The folder of a run on the tables; nobody writes to it."""

    def make(folder: Path) -> None:
        ctk_in(folder)("run", "leap-climsim", "--data", once_tables, *SMALL, code=0)

    (run,) = (once("leap-run", make) / "runs" / "leap-climsim").iterdir()
    return run


@pytest.fixture
def run(ctk, tmp_path) -> Callable[..., Path]:
    """Run the quick preset with small members; returns the run's folder."""

    def go(data: Path, *arguments: object) -> Path:
        ctk("run", "leap-climsim", "--data", data, *SMALL, *arguments, code=0)
        (folder,) = (tmp_path / "runs" / "leap-climsim").iterdir()
        return folder

    return go


def make_tables(folder: Path) -> None:
    """Fill a folder with Kaggle's tables."""
    random = np.random.default_rng(0)
    ids = [384 * step + column for step in range(3) for column in range(10)]
    scale = 10.0 ** random.uniform(-30, 4, len(INPUTS) + len(TARGETS))
    write_csv(folder / "train.csv", "train_", ids, (*INPUTS, *TARGETS), random.standard_normal((30, 924)) * scale)
    asked = [7, 3, 11, 4, 1]
    write_csv(folder / "test.csv", "test_", asked, INPUTS, random.standard_normal((5, 556)) * scale[:556])
    write_csv(
        folder / "sample_submission.csv", "test_", sorted(asked), TARGETS, np.tile(np.where(ZERO, 0.0, 1.0), (5, 1))
    )


@pytest.fixture
def pairs(tmp_path) -> Path:
    """ClimSim's files, eight columns of air each: 8 time steps of 0001-02, two of 0001-03, three of 0001-04."""
    folder = tmp_path / "pairs"
    for month, steps in (("0001-02", 8), ("0001-03", 2), ("0001-04", 3)):
        for step in range(steps):
            write_pair(folder, f"{month}-01-{1200 * step:05d}", seed=1000 * int(month[-1]) + step)
    return folder


@pytest.fixture
def prepared(tmp_path) -> Callable[..., Data]:
    """Prepare a folder with options of the reader and open what was prepared."""

    def prepare(folder: Path, **options: object) -> Data:
        place = tmp_path / "prepared"
        place.mkdir(exist_ok=True)
        ClimSimReader(**options).prepare(folder, place, lambda what, done, total: None)  # type: ignore[arg-type]
        return Data.open(place, folder, None)

    return prepare


@pytest.fixture
def edit() -> Callable[..., None]:
    """Replace the cell of a table: line from 1, column by name."""

    def replace(path: Path, line: int, column: str, cell: str) -> None:
        lines = path.read_text().split("\n")
        cells = lines[line - 1].split(",")
        cells[lines[0].split(",").index(column)] = cell
        lines[line - 1] = ",".join(cells)
        path.write_text("\n".join(lines))

    return replace


@pytest.fixture
def set_value() -> Callable[..., None]:
    """Replace a value of a netCDF file."""

    def replace(path: Path, name: str, at: tuple[int, ...], value: float) -> None:
        with netCDF4.Dataset(path, "a") as file:
            file[name][at] = value

    return replace


def write_csv(path: Path, prefix: str, ids: Sequence[int], names: Sequence[str], values: Array) -> None:
    """A table with ``sample_id`` and one column a name."""
    lines = [",".join(("sample_id", *names))]
    lines += [",".join((f"{prefix}{id}", *map(repr, row))) for id, row in zip(ids, values.tolist(), strict=True)]
    path.write_text("\n".join(lines) + "\n")


def write_pair(folder: Path, stamp: str, seed: int, kind: str = "NETCDF3_64BIT_DATA", ncol: int = NCOL) -> None:
    """Both files of a time step: random values, and the variables that are not inputs."""
    random = np.random.default_rng(seed)
    before = {name: random.standard_normal((LEVELS, ncol) if name in SERIES else ncol) for name in INPUT_VARIABLES}
    before["state_q0002"] = random.uniform(0, 1e-30, (LEVELS, ncol))
    extra = {"state_pmid": np.ones((LEVELS, ncol)), "cam_in_SNOWHICE": np.ones(ncol)}
    after = {name: before[name] + random.standard_normal((LEVELS, ncol)) for name in STATE}
    after["state_q0002"] = np.zeros((LEVELS, ncol))
    after |= {name: random.standard_normal(ncol) for name in SURFACE}
    month = folder / "train" / stamp[:7]
    month.mkdir(parents=True, exist_ok=True)
    write_netcdf(month / f"E3SM-MMF.mli.{stamp}.nc", before | extra, kind)
    write_netcdf(month / f"E3SM-MMF.mlo.{stamp}.nc", after, kind)


def write_netcdf(path: Path, variables: Mapping[str, Array], kind: str) -> None:
    """Variables of (lev, ncol) or (ncol,) in float64."""
    with netCDF4.Dataset(path, "w", format=kind) as file:
        file.createDimension("ncol", next(iter(variables.values())).shape[-1])
        file.createDimension("lev", LEVELS)
        for name, values in variables.items():
            file.createVariable(name, "f8", ("lev", "ncol")[-values.ndim :])[...] = values
