"""The place of a score on a platform's leaderboard; past runs are in ``ctk.runs.local_leaderboard``."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ctk.contract import Competition, Direction, Entry, Metric, PastSubmission
from ctk.errors import CtkError, UsageError
from ctk.merit import merit
from ctk.plugins.guard import metric_of
from ctk.runs import Run


@dataclass(frozen=True)
class LeaderboardPlace:
    """The rank of a score among ``of`` teams with it; ``tied`` teams have the same and came earlier."""

    rank: int
    of: int
    tied: int


def board_metric(competition: Competition) -> Metric:
    """Find the metric that the competition's leaderboard shows."""
    return metric_of(competition.board or competition.metric)


def find_place(score: float, others: Sequence[Entry], direction: Direction) -> LeaderboardPlace:
    """Find the place that a score would have if it were handed in now.

    Scores are compared as finely as the leaderboard shows them. Of equal scores the one that was there first is ahead.
    """
    scores = _scores_of(others)
    shown = round(score, max((_decimals(entry) for entry in others if entry.score is not None), default=15))
    ahead = sum(each > shown if direction == "max" else each < shown for each in scores)
    tied = sum(each == shown for each in scores)
    return LeaderboardPlace(1 + ahead + tied, len(scores) + 1, tied)


def check_order(entries: Sequence[Entry], metric: Metric) -> None:
    """Raise CtkError if the leaderboard's best score is its worst by this metric: they are two metrics."""
    scores = _scores_of(entries)
    if not scores or scores[0] == scores[-1] or (scores[0] > scores[-1]) == (metric.direction == "max"):
        return
    better = "higher" if metric.direction == "max" else "lower"
    raise CtkError(
        f"The leaderboard goes from {scores[0]} to {scores[-1]}, and of {metric.name} {better} is better.",
        "They are different metrics; a local score has no place there.",
    )


def _scores_of(entries: Sequence[Entry]) -> list[float]:
    return [entry.score for entry in entries if entry.score is not None and not math.isnan(entry.score)]


def entry_of(team: str, entries: Sequence[Entry]) -> Entry:
    """Find a team's entry, its name in any case. Raises UsageError with the nearest name."""
    for entry in entries:
        if entry.team.casefold() == team.casefold():
            return entry
    close = difflib.get_close_matches(team, [entry.team for entry in entries], n=1)
    raise UsageError(f"No team '{team}' is on the leaderboard.", f"Did you mean '{close[0]}'?" if close else "")


def entry_with(submission: PastSubmission | None, entries: Sequence[Entry]) -> Entry | None:
    """Find the entry of the team that handed a submission in, if it is there."""
    team = submission.team if submission else ""
    return next((entry for entry in entries if team and entry.team == team), None)


def best(submissions: Sequence[PastSubmission], direction: Direction) -> PastSubmission | None:
    """Choose the submission with the best score, the earliest of equal ones."""
    scored = [each for each in submissions if each.score is not None]
    earliest_first = sorted(scored, key=lambda each: each.when.timestamp() if each.when else 0.0)
    return max(earliest_first, key=lambda each: merit(each.score, 1 if direction == "max" else -1), default=None)


def local_score(run: Run, competition: Competition, metric: Metric) -> float:
    """Read a run's validation score of its blend.

    Raises UsageError for another competition's run or one without a score.
    """
    if run.competition.rpartition(":")[2] != competition.id:
        raise UsageError(f"{run.folder} is a run of {run.competition}, not of {competition.id}.")
    score = run.scores().get("members", {}).get("blend", {}).get(metric.name)
    if score is None or not math.isfinite(score):
        raise UsageError(f"{run.folder} has no {metric.name} of its blend.", "`ctk runs` shows which runs have scores.")
    return float(score)


def _decimals(entry: Entry) -> int:
    exponent = Decimal(entry.shown or repr(entry.score)).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
