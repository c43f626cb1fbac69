"""The run folder: one execution, one folder, and what it says of itself."""

from __future__ import annotations

from ctk.runs.folder import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    KILLED,
    PRUNED,
    RAW,
    RUNNING,
    UNFITTED,
    Part,
    Predictions,
    Run,
    all_runs,
    runs_root,
)
from ctk.runs.shortened import find_shortened, nearest_shortened

__all__ = [
    "FAILED",
    "FINISHED",
    "INTERRUPTED",
    "KILLED",
    "PRUNED",
    "RAW",
    "RUNNING",
    "UNFITTED",
    "Part",
    "Predictions",
    "Run",
    "all_runs",
    "find_shortened",
    "nearest_shortened",
    "runs_root",
]
