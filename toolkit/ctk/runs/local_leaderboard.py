"""Past runs as a local leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctk.errors import DamagedError
from ctk.machine import ended_for_memory, size_text
from ctk.merit import merit
from ctk.runs.folder import FAILED, FINISHED, KILLED, Run, all_runs


@dataclass(frozen=True)
class LeaderboardRow:
    """One run in the leaderboard. Scores are of the deciding metric; None where there are none yet."""

    name: str
    competition: str
    preset: str
    folder: str
    started: float | None
    state: str
    problem: str
    dry_run: bool
    changed: list[str]
    metric: str | None = None
    direction: str = "max"
    best_member: float | None = None
    blend: float | None = None
    test: float | None = None


def leaderboard_row(run: Run) -> LeaderboardRow:
    """Read a run's row; "damaged", with file and key, if one of its files is."""
    try:
        return _row(run)
    except DamagedError as error:
        place, problem = run.folder, error.problem.removeprefix(f"{run.folder}/")
        return LeaderboardRow(place.name, place.parent.name, "", str(place), None, "damaged", problem, False, [])


def _row(run: Run) -> LeaderboardRow:
    state, config = run.state(), run.config()
    row = LeaderboardRow(
        name=run.folder.name,
        competition=config["competition"],
        preset=config["preset"],
        folder=str(run.folder),
        started=state.get("started"),
        state=state["state"],
        problem=_problem(state),
        dry_run=bool(state.get("dry_run")),
        changed=run.overrides(),
    )
    scores = run.scores("metric", "direction")
    if not scores:
        return row
    metric, direction = scores["metric"], scores["direction"]
    values = {key: numbers.get(metric) for key, numbers in scores["members"].items()}
    alone = [value for key, value in values.items() if key != "blend" and key not in scores["baselines"]]
    best = max(alone, key=lambda score: merit(score, _sign(direction)), default=None)
    more = {"best_member": best, "blend": values.get("blend"), "test": scores["test"].get(metric)}
    return LeaderboardRow(**{**vars(row), "metric": metric, "direction": direction, **more})


def _problem(state: Mapping[str, Any]) -> str:
    """Say why a run failed, or why it was killed as far as what it expected to need tells."""
    if state["state"] == KILLED:
        before = state.get("ended_for_memory")
        if before is not None and (ended := ended_for_memory() - before) > 0:
            return f"memory may have run out: since it began the system has ended {ended:,} processes for want of it"
        wanted, free = state.get("memory") or 0, state.get("free") or 0
        if 2 * wanted > free > 0:  # what is expected is not all that a process takes
            return f"memory may have run out: fits take up to {size_text(wanted)}, {size_text(free)} were free"
        return "its process ended without a word"
    return str(state.get("problem", "")) if state["state"] == FAILED else ""


def local_leaderboard(root: Path, competition: str | None = None) -> list[LeaderboardRow]:
    """Rank the runs under a root, of one competition or all: by competition, best blend first, unscored runs last."""
    rows = [leaderboard_row(run) for run in all_runs(root)]
    rows = [row for row in rows if competition is None or row.competition == competition]
    best_first = sorted(rows, key=lambda row: merit(row.blend, _sign(row.direction)), reverse=True)
    return sorted(best_first, key=lambda row: row.competition)


def _sign(direction: str) -> int:
    return 1 if direction == "max" else -1


@dataclass(frozen=True)
class SeriesSummary:
    """A summary of many runs in one folder, of a search or an ablation.

    ``best`` is that of their blends, by the deciding metric.
    """

    name: str
    competition: str
    folder: str
    started: float | None
    runs: int
    finished: int
    best: float | None


def list_series(root: Path, competition: str | None = None) -> list[SeriesSummary]:
    """List the series of runs under a root, of one competition or all, newest first."""
    places: dict[Path, list[Run]] = {}
    for path in root.glob("*/*/*/*/config.yaml"):
        place = path.parents[2]
        if not (place / "config.yaml").exists() and competition in (None, place.parent.name):
            places.setdefault(place, []).append(Run(path.parent))
    found = [_series(place, runs) for place, runs in places.items()]
    return sorted(found, key=lambda each: each.started or 0.0, reverse=True)


def _series(place: Path, runs: list[Run]) -> SeriesSummary:
    states = [run.state_or_killed() for run in runs]
    started = min((state["started"] for state in states if "started" in state), default=None)
    finished = sum(state["state"] == FINISHED for state in states)
    known = [scores for run in runs if (scores := _scores_if_whole(run))]
    of_blends = [each["members"].get("blend", {}).get(each["metric"]) for each in known]
    best = max(of_blends, key=lambda score: merit(score, _sign(known[0]["direction"])), default=None)
    return SeriesSummary(place.name, place.parent.name, str(place), started, len(runs), finished, best)


def _scores_if_whole(run: Run) -> dict[str, Any]:
    try:
        return run.scores("metric", "direction")
    except DamagedError:
        return {}
