"""The run folder: one execution, one folder, and what it says of itself."""

from __future__ import annotations

from ctk.runs.folder import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    KILLED,
    PRUNED,
    RUNNING,
    Part,
    Predictions,
    Run,
    all_runs,
    runs_root,
)
from ctk.runs.local_leaderboard import LeaderboardRow, SeriesSummary, leaderboard_row, list_series, local_leaderboard

__all__ = [
    "FAILED",
    "FINISHED",
    "INTERRUPTED",
    "KILLED",
    "PRUNED",
    "RUNNING",
    "LeaderboardRow",
    "Part",
    "Predictions",
    "Run",
    "SeriesSummary",
    "all_runs",
    "leaderboard_row",
    "list_series",
    "local_leaderboard",
    "runs_root",
]
