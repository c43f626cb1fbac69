"""The reader finds the layout by itself, tells what is there, and goes on where a killed one was."""

import json
import subprocess
import sys

import pytest

from ctk.errors import DataError
from ctk_leap_climsim.reading import rows
from ctk_leap_climsim.reading.reader import ClimSimReader
from ctk_leap_climsim.tables import csv_table

MONTHS = {"train": "0001-02", "valid": "0001-03", "test": "0001-04"}

# Commits often, reads little at a time, and is killed when it has told its progress so many times.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from ctk_leap_climsim.reading import rows
from ctk_leap_climsim.tables import csv_table
from ctk_leap_climsim.reading.reader import ClimSimReader
rows.COMMIT, csv_table.BLOCK = 10, 100_000
left = int(sys.argv[3])
def progress(what, done, total):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
ClimSimReader(**json.loads(sys.argv[4])).prepare(Path(sys.argv[1]), Path(sys.argv[2]), progress)
"""


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("layout", "options", "calls"),
    [("tables", {}, [2]), ("tables", {}, [1, 6]), ("pairs", MONTHS, [6, 4]), ("pairs", MONTHS, [12])],
)
def test_a_killed_preparation_goes_on_and_ends_with_the_same_bytes(
    layout, options, calls, request, prepared, tmp_path, monkeypatch
):
    folder, place = request.getfixturevalue(layout), tmp_path / "killed"
    monkeypatch.setattr(csv_table, "BLOCK", 100_000)
    monkeypatch.setattr(rows, "COMMIT", 10)
    prepared(folder, **options)
    place.mkdir()
    for kill_at in calls:
        command = [sys.executable, "-c", KILLED, folder, place, str(kill_at), json.dumps(options)]
        assert subprocess.run(command, check=False).returncode == -9
    told = []
    ClimSimReader(**options).prepare(folder, place, lambda what, done, total: told.append(done))
    assert contents(place) == contents(tmp_path / "prepared")
    if layout == "pairs":
        assert told[0] > 0  # not from the beginning


def test_a_finished_preparation_is_not_made_again(pairs, prepared, tmp_path, monkeypatch):
    prepared(pairs, **MONTHS)
    before = contents(tmp_path / "prepared")
    monkeypatch.setattr("ctk_leap_climsim.reading.pairs.PairReader.read", None)  # would raise TypeError
    prepared(pairs, **MONTHS)
    assert contents(tmp_path / "prepared") == before


def test_progress_says_what_is_read_and_ends(tables, pairs, tmp_path):
    for folder, options, whats in (
        (tables, {}, {"reading test.csv", "reading sample_submission.csv", "reading train.csv"}),
        (pairs, MONTHS, {"reading time steps"}),
    ):
        told = []
        place = tmp_path / f"prepared {folder.name}"
        place.mkdir()
        ClimSimReader(**options).prepare(folder, place, lambda *call, told=told: told.append(call))
        assert {what for what, _, _ in told} == whats
        assert all(0 <= done <= total for _, done, total in told)
        assert told[-1][1] == told[-1][2]


def test_a_folder_with_neither_layout_says_what_it_should_have(tmp_path, prepared):
    with pytest.raises(DataError, match=r"neither test.csv and sample_submission.csv nor, .* E3SM-MMF.mli"):
        prepared(tmp_path)
    assert [found.item for found in ClimSimReader().describe(tmp_path) if found.path is None] == [
        "train.csv",
        "test.csv",
        "sample_submission.csv",
        "E3SM-MMF.{mli,mlo}.*.nc",
    ]


def test_tables_are_described_with_what_is_missing(tables):
    (tables / "sample_submission.csv").unlink()
    (tables / "train.csv").write_text("sample_id,state_t_0\n")
    train, test, sample = ClimSimReader().describe(tables)
    assert train.detail.startswith("damaged: ")
    assert "rows" in test.detail
    assert sample.path is None
    assert "ctk data leap-climsim --download" in sample.how


def test_pairs_are_described_with_their_months_and_what_is_missing(pairs):
    (found,) = ClimSimReader().describe(pairs)
    assert found.detail == "13 time steps of 3 months, 0001-02 to 0001-04"
    next(pairs.rglob("*mlo.0001-03-01-00000.nc")).unlink()
    (found,) = ClimSimReader().describe(pairs)
    assert found.detail.startswith("12 time steps")
    assert "1 mlo are missing, first E3SM-MMF.mlo.0001-03-01-00000.nc" in found.detail
    assert "LEAP/ClimSim_low-res" in found.how


def test_a_file_that_changes_changes_its_stamp(tables):
    reader = ClimSimReader()
    before = [reader.stamp(path) for path in reader.sources(tables)]
    (tables / "test.csv").write_text("sample_id\n")
    after = [reader.stamp(path) for path in reader.sources(tables)]
    assert [one == two for one, two in zip(before, after, strict=True)] == [True, False, True]
