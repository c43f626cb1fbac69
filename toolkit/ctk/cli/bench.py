"""ctk bench: the hot paths beside their peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from itertools import product
from pathlib import Path

import click
import torch
from rich.status import Status

from ctk.bench import OPS, cases
from ctk.bench.measure import measure
from ctk.bench.tables import BenchRow, machine, save
from ctk.cli.choice import OneOf
from ctk.cli.json_output import as_json, print_json
from ctk.cli.printing import console, print_table
from ctk.errors import CtkError


@click.command()
@click.argument("op", required=False, type=OneOf(list(OPS)))
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Only there; default: the CPU, and a GPU if there.")
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("bench/results"),
    show_default=True,
    help="Folder of the CSV tables.",
)
@as_json
def bench(op: str | None, device: str | None, results: Path, json_: bool) -> None:
    """Time a hot path, or all, beside the peers that are installed: pip install 'competition-toolkit[bench]'.

    Takes some minutes. Exit code 1 if a call of ours failed.

    \b
    ctk bench
    ctk bench info-nce --device cpu --results DIR
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise CtkError("torch sees no GPU here.", "Leave --device out, or see what ctk doctor says.")
    devices = [device] if device else ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    where = machine()
    if not json_:
        console.print(", ".join(f"{key} {value}" for key, value in where.items() if value))
    every: list[BenchRow] = []
    for each, place in product([op] if op else OPS, devices):
        for name, build in cases(each, place).items():
            with console.status(name) if not json_ else nullcontext() as status:
                rows = measure(each, build(), _progress(name, status))
            save(rows, where, results)
            every += rows
            if not json_:
                print_rows(rows)
    if json_:
        print_json([{**asdict(row), **where} for row in every])
    else:
        console.print(f"\nresults  {results}", soft_wrap=True)
    if any(row.role == "ctk" and not row.runs for row in every):
        raise SystemExit(1)


def _progress(case: str, status: Status | None) -> Callable[[str], None]:
    return lambda doing: None if status is None else status.update(f"{case}: {doing}")


def print_rows(rows: Sequence[BenchRow]) -> None:
    """Print the table of one case."""
    console.print(f"\n{rows[0].op}  {rows[0].case}  {rows[0].device}", style="bold")
    extra = any(row.extra_mb is not None for row in rows)
    shown = []
    for row in rows:
        spread = "" if row.p50_ms is None else f"{_short(row.p20_ms)}..{_short(row.p80_ms)}"
        numbers = [_short(row.p50_ms), spread, row.runs, "" if row.ratio is None else f"{row.ratio:.2f}"]
        memory = [_short(row.extra_mb)] if extra else []
        score = "" if row.score is None else f"{row.score:.5f}"
        error = "" if row.error is None else f"{row.error:.1g}"
        shown.append(
            [
                f"{row.contestant}{f' ({row.isa})' if row.isa and row.isa not in row.contestant else ''}",
                row.note,
                *numbers,
                *memory,
                score,
                error,
            ]
        )
    columns = ["", "", "ms", "p20..p80", "runs", "x floor", *(["extra MB"] if extra else []), "score", "error"]
    print_table(columns, shown, numbers=len(columns) - 2)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
