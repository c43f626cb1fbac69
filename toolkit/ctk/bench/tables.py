"""The table that is kept: a row a contestant, in one CSV an op."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

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
    texts = [path.read_text(encoding="utf-8")] if path.exists() else []
    texts.append(pd.DataFrame([{**asdict(row), **where} for row in rows]).to_csv(index=False, float_format="%.6g"))
    tables = [pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False) for text in texts]
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        newest = pd.concat(tables).drop_duplicates(list(SAME), keep="last")
        newest.to_csv(temporary, index=False, columns=list(tables[-1]))
