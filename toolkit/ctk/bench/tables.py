"""The table that is kept: a row a contestant, in one CSV an op."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ctk.files import atomic

SAME = ("device", "cpu", "gpu", "case", "contestant")
"""Rows that agree in these are measurements of the same thing: the newest stays."""


@dataclass(frozen=True)
class BenchRow:
    """What was measured of one contestant in one case; bench/README.md says what each is."""

    op: str
    device: str
    case: str
    contestant: str
    role: str
    threads: int | None
    isa: str | None
    runs: int
    p20_ms: float | None
    p50_ms: float | None
    p80_ms: float | None
    ratio: float | None
    extra_mb: float | None
    score: float | None
    error: float | None
    note: str


def machine() -> dict[str, str]:
    """The machine, the time and the versions that a table was measured with."""
    import torch

    from ctk import __version__
    from ctk.workflow.environment import git_revision, processor

    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "cpu": processor(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "torch": torch.__version__,
        "ctk": __version__,
        "git": git_revision() or "",
    }


def save(rows: Sequence[BenchRow], where: dict[str, str], folder: Path) -> None:
    """Put rows of one op into its CSV; those of other machines, cases and contestants stay."""
    path = folder / f"{rows[0].op}.csv"
    new = [{key: _cell(value) for key, value in {**asdict(row), **where}.items()} for row in rows]
    replaced = {_key(row) for row in new}
    kept: list[dict[str, str]] = []
    if path.exists():
        with path.open(newline="") as file:
            kept = [row for row in csv.DictReader(file) if _key(row) not in replaced]
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(new[0]), extrasaction="ignore", restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *new])


def _key(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row.get(name, "") for name in SAME)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    return str(value)
