"""What `ctk bench` does with a case: turns, notes, the table that is kept."""

import csv
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from ctk import bench
from ctk.bench import memory
from ctk.bench.bench_case import BenchCase, Contestant, Verdict
from ctk.bench.measure import measure
from ctk.bench.tables import machine, save
from ctk.cli.main import cli


def missing():
    raise ImportError("no such peer")


def broken():
    raise ValueError("of no use\nand a second line")


def made(*contestants, seconds=0.01):
    return BenchCase("made up", "cpu", contestants, lambda answer: Verdict(score=answer, error=0.0), seconds)


def test_contestants_take_turns():
    calls = []
    case = made(*(Contestant(name, lambda name=name: lambda: calls.append(name)) for name in "ab"), seconds=0.1)
    measure("ranks", case)
    bursts = [name for place, name in enumerate(calls) if place == 0 or calls[place - 1] != name]
    assert len(bursts) >= 6
    assert bursts == list("ab" * (len(bursts) // 2 + 1))[: len(bursts)]


def test_each_row_has_times_in_order_its_ratio_to_the_floor_and_its_verdict():
    case = made(Contestant("floor", lambda: lambda: None, "floor"), Contestant("ours", lambda: lambda: 0.5, "ctk"))
    floor, ours = measure("ranks", case)
    assert floor.ratio == 1
    assert (floor.score, floor.error) == (None, None)
    assert ours.p20_ms <= ours.p50_ms <= ours.p80_ms
    assert ours.ratio == pytest.approx(ours.p50_ms / floor.p50_ms)
    assert (ours.score, ours.error) == (0.5, 0.0)


def test_a_floor_measured_in_the_small_is_scaled():
    case = made(
        Contestant("small", lambda: lambda: None, "floor", scale=1e6), Contestant("whole", lambda: lambda: None)
    )
    small, whole = measure("ranks", case)
    assert small.p50_ms > 1e3 * whole.p50_ms


def test_a_peer_that_is_missing_or_fails_has_a_note_and_the_others_are_measured():
    rows = measure(
        "ranks",
        made(*(Contestant(each.__name__, each) for each in (missing, broken)), Contestant("good", lambda: lambda: 1.0)),
    )
    assert [row.note for row in rows] == ["not installed", "failed: ValueError: of no use", ""]
    assert [row.p50_ms is None for row in rows] == [True, True, False]


HOLD = """
import torch
from ctk import bench
from ctk.bench import memory

def hold(megabytes):
    scratch = torch.ones(megabytes << 18)
    return torch.full((20 << 18,), float(scratch[0]))

print(memory.of_process(lambda: hold(60)))
"""


def test_extra_memory_is_the_peak_without_the_answer():
    if not memory.STATUS.exists():
        pytest.skip("Linux tells it")

    # In a process of its own, as all measurements are: what this one freed before could serve again, and not be seen.
    said = subprocess.run([sys.executable, "-c", HOLD], capture_output=True, text=True, check=True)
    assert int(said.stdout) == pytest.approx(60 << 20, rel=0.1)


@pytest.mark.slow
def test_ranks_need_no_memory_for_the_scores():
    if not memory.STATUS.exists():
        pytest.skip("Linux tells it")
    name = next(iter(bench.cases("ranks", "cpu")))
    assert (
        memory.of_fresh_process("ranks", name, "ctk") < 40e6 < memory.of_fresh_process("ranks", name, "torch, argsort")
    )


def test_the_newest_row_of_a_machine_replaces_its_older_one_and_others_stay(tmp_path):
    here, there = machine(), {**machine(), "gpu": "another"}
    rows = measure("ranks", made(Contestant("one", lambda: lambda: 1.0), Contestant("two", lambda: lambda: 1.0)))
    save(rows, here, tmp_path)
    save(rows, there, tmp_path)
    save(rows[:1], {**here, "date": "later"}, tmp_path)
    with (tmp_path / "ranks.csv").open() as file:
        kept = list(csv.DictReader(file))
    assert sorted((row["contestant"], row["gpu"], row["date"] == "later") for row in kept) == sorted(
        [("one", here["gpu"], True), ("two", here["gpu"], False), ("one", "another", False), ("two", "another", False)]
    )


@pytest.fixture
def only(monkeypatch):
    """Let `ctk bench` have these contestants and no others."""

    def use(*contestants):
        monkeypatch.setattr("ctk.cli.bench.cases", lambda op, device: {"made up": lambda: made(*contestants)})

    return use


def test_json_is_the_rows_and_nothing_else(only, tmp_path):
    only(Contestant("ours", lambda: lambda: 1.0, "ctk"), Contestant("peer", missing))
    done = CliRunner().invoke(cli, ["bench", "ranks", "--device", "cpu", "--json", "--results", str(tmp_path)])
    assert done.exit_code == 0, done.output
    ours, peer = json.loads(done.stdout)
    assert ours["contestant"] == "ours"
    assert ours["p50_ms"] > 0
    assert ours["cpu"] == machine()["cpu"]
    assert peer["note"] == "not installed"


def test_a_call_of_ours_that_fails_is_an_error_and_a_peers_is_not(only, tmp_path):
    command = ["bench", "ranks", "--device", "cpu", "--results", str(tmp_path)]
    only(Contestant("ours", lambda: lambda: 1.0, "ctk"), Contestant("peer", broken))
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0
    assert "of no use" in done.output
    only(Contestant("ours", broken, "ctk"))
    assert CliRunner().invoke(cli, command).exit_code == 1
