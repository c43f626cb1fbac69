"""Times of a case's contestants, taken in turns."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch

from ctk.bench import memory
from ctk.bench.bench_case import BenchCase, Contestant, Run, Verdict
from ctk.bench.tables import BenchRow
from ctk.bench.threads import limit_threads
from ctk.ops import processor
from ctk.workflow.environment import op_paths

BURST = 0.01
"""Seconds; what is quicker is called in a row until so much has passed, and the mean counts: a clock call costs too."""
MOST_ROUNDS = 100


@dataclass
class _Entry:
    contestant: Contestant
    run: Run | None = None
    first: float = 0.0
    times: list[float] = field(default_factory=list)
    spent: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)
    extra: int | None = None
    note: str = ""


def measure(op: str, case: BenchCase, progress: Callable[[str], None] = lambda doing: None) -> list[BenchRow]:
    """Call each contestant once and judge it, then all in turns (A B C A B C ...) until the case's time is over.

    In turns, because a noisy neighbour then disturbs all alike. A contestant that has had its share of the time sits
    out. The first call does not count, for caches and pools are cold, unless it alone took longer than the share: then
    it is the only one. A contestant that is not installed or fails has a note instead of a time.
    """
    entries = [_Entry(contestant) for contestant in case.contestants]
    with limit_threads() if case.device == "cpu" else nullcontext() as threads:
        share = case.seconds / len(entries)
        for entry in entries:
            progress(entry.contestant.name)
            _first(entry, case, share)
        for number in range(1, MOST_ROUNDS + 1):
            running = [entry for entry in entries if entry.run and entry.spent < share]
            if not running:
                break
            for entry in running:
                progress(f"{entry.contestant.name}, round {number}")
                _again(entry, case.device)
        if case.memory and case.device == "cpu":
            for entry in entries:
                if entry.run and entry.verdict.score is not None:
                    progress(f"{entry.contestant.name}, memory")
                    entry.extra = memory.of_fresh_process(op, case.name, entry.contestant.name)
    return _rows(op, case, entries, threads)


def _first(entry: _Entry, case: BenchCase, share: float) -> None:
    """Set up, call, judge. What goes wrong here is noted, and the others go on."""
    try:
        entry.run = entry.contestant.prepare()
        answer, entry.first = _timed(entry, case.device)
        if answer is not None:
            entry.verdict = case.judge(answer)
        del answer
        if case.memory and case.device == "cuda":
            entry.extra = memory.of_device(entry.run)
    except ImportError:
        entry.run, entry.note = None, "not installed"
    except torch.OutOfMemoryError:
        entry.run, entry.note = None, "out of memory"
    except Exception as error:
        entry.run, entry.note = None, f"failed: {type(error).__name__}: {error}".split("\n")[0]
    if entry.run and entry.first > share:
        entry.times.append(entry.first)
        entry.spent = entry.first
    if case.device == "cuda":
        torch.cuda.empty_cache()


def _again(entry: _Entry, device: str) -> None:
    calls = max(1, math.floor(BURST / (entry.times[-1] if entry.times else entry.first)))
    _, seconds = _timed(entry, device, calls)
    entry.times.append(seconds / calls)
    entry.spent += seconds


def _timed(entry: _Entry, device: str, calls: int = 1) -> tuple[Any, float]:
    assert entry.run is not None
    answer = None
    with processor.at_most(entry.contestant.isa or processor.INSTRUCTION_SETS[-1]):
        start = time.perf_counter()
        for _ in range(calls):
            answer = None  # or two answers would be held at a time
            answer = entry.run()
        if device == "cuda":
            torch.cuda.synchronize()
        return answer, time.perf_counter() - start


def _rows(op: str, case: BenchCase, entries: list[_Entry], threads: int | None) -> list[BenchRow]:
    floor = next((_percentile(each, 50) for each in entries if each.contestant.role == "floor" and each.times), None)
    path = op_paths()["blend" if op == "blend" else case.device]
    rows = []
    for entry in entries:
        contestant, median = entry.contestant, _percentile(entry, 50)
        rows.append(
            BenchRow(
                op=op,
                device=case.device,
                case=case.name,
                contestant=contestant.name,
                role=contestant.role,
                threads=threads,
                isa=_isa(contestant) if case.device == "cpu" and contestant.role == "ctk" else None,
                runs=len(entry.times),
                p20_ms=_percentile(entry, 20),
                p50_ms=median,
                p80_ms=_percentile(entry, 80),
                ratio=None if floor is None or median is None else median / floor,
                extra_mb=None if entry.extra is None else entry.extra / 1e6,
                score=entry.verdict.score,
                error=entry.verdict.error,
                note=entry.note or (path if contestant.role == "ctk" and path.startswith("plain") else ""),
            )
        )
    return rows


def _isa(contestant: Contestant) -> str | None:
    with processor.at_most(contestant.isa or processor.INSTRUCTION_SETS[-1]) as name:
        return name


def _percentile(entry: _Entry, percent: int) -> float | None:
    """In milliseconds; the nearest time that was measured."""
    if not entry.times:
        return None
    if percent == 50:
        seconds = statistics.median(entry.times)
    else:
        seconds = sorted(entry.times)[round(percent / 100 * (len(entry.times) - 1))]
    return 1e3 * entry.contestant.scale * seconds
