"""A competition's platform: none, not installed, and where a score stands on its leaderboard."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ctk.contract import Direction, Entry, Metric, PastSubmission
from ctk.errors import CtkError, UsageError
from ctk.plugins import Plugins
from ctk.plugins.platforms import platform_of
from ctk.runs import Run
from ctk.workflow import leaderboard_place
from ctk.workflow.leaderboard_place import LeaderboardPlace, find_place


def entries(*scores: float | None) -> list[Entry]:
    """A leaderboard with these scores."""
    return [
        Entry(rank, f"team {rank}", score, "" if score is None else f"{score:.2f}")
        for rank, score in enumerate(scores, start=1)
    ]


class Held:
    """A competition, as far as platforms look at it."""

    id, url, platform, slug = "toy", "https://example.org/toy", "", ""


def test_a_competition_that_is_held_nowhere_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="toy is held on no platform that ctk knows"):
        platform_of(Held())  # type: ignore[arg-type]


def test_a_platform_whose_plugin_is_not_installed_is_a_sentence_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ctk.plugins.platforms.plugins", lambda: Plugins([]))
    held = Held()
    held.platform, held.slug = "kaggle", "toy"
    with pytest.raises(UsageError) as raised:
        platform_of(held)  # type: ignore[arg-type]
    assert str(raised.value) == "toy is held on kaggle, whose plugin is not installed.\nctk install ctk-kaggle"


@pytest.mark.parametrize(
    ("score", "direction", "expected"),
    [
        (0.95, "max", LeaderboardPlace(1, 5, 0)),
        (0.85, "max", LeaderboardPlace(2, 5, 0)),
        (0.1, "max", LeaderboardPlace(5, 5, 0)),
        (0.95, "min", LeaderboardPlace(5, 5, 0)),
        (0.65, "min", LeaderboardPlace(1, 5, 0)),
    ],
)
def test_the_direction_of_the_metric_decides(score: float, direction: Direction, expected: LeaderboardPlace) -> None:
    best_first = (0.9, 0.8, 0.7, 0.7) if direction == "max" else (0.7, 0.7, 0.8, 0.9)
    assert find_place(score, entries(*best_first), direction) == expected


def test_of_equal_scores_the_one_that_was_there_first_is_ahead() -> None:
    assert find_place(0.8, entries(0.9, 0.8, 0.8, 0.7), "max") == LeaderboardPlace(4, 5, 2)
    assert find_place(0.8, entries(0.7, 0.8, 0.8, 0.9), "min") == LeaderboardPlace(4, 5, 2)


def test_scores_are_compared_as_finely_as_the_leaderboard_shows_them() -> None:
    assert find_place(0.804, entries(0.9, 0.8, 0.7), "max") == LeaderboardPlace(3, 4, 1)
    assert find_place(0.806, entries(0.9, 0.8, 0.7), "max") == LeaderboardPlace(2, 4, 0)
    assert find_place(0.80001, [Entry(1, "one", 0.8)], "max") == LeaderboardPlace(2, 2, 1), (
        "where nothing is shown, as it is written"
    )


def test_teams_without_a_score_are_not_counted() -> None:
    assert find_place(0.5, entries(0.9, None, None), "max") == LeaderboardPlace(2, 2, 0)
    assert find_place(0.5, [], "max") == LeaderboardPlace(1, 1, 0)


@given(
    scores=st.lists(st.integers(-50, 50), max_size=30),
    score=st.integers(-50, 50),
    direction=st.sampled_from(["max", "min"]),
)
def test_a_place_is_where_a_stable_sort_puts_the_score(scores: list[int], score: int, direction: Direction) -> None:
    found = find_place(score / 100, entries(*(each / 100 for each in scores)), direction)
    key = (lambda each: -each) if direction == "max" else (lambda each: each)
    ordered = sorted([*((each, "there") for each in scores), (score, "new")], key=lambda row: key(row[0]))
    assert found == LeaderboardPlace(1 + ordered.index((score, "new")), len(scores) + 1, scores.count(score))


def test_a_leaderboard_sorted_against_the_metric_is_refused() -> None:
    loss = Metric("mae", "min", lambda prediction, samples: 0.0)
    leaderboard_place.check_order(entries(0.1, 0.2), loss)
    leaderboard_place.check_order(entries(0.1, 0.1), loss)
    leaderboard_place.check_order(entries(None), loss)
    with pytest.raises(CtkError, match=r"goes from 0.2 to 0.1, and of mae lower is better"):
        leaderboard_place.check_order(entries(0.2, 0.1), loss)


def test_the_best_submission_is_the_earliest_of_the_best_scores() -> None:
    day = datetime(2026, 1, 1)
    rows = [
        PastSubmission("c", "", day + timedelta(3), 0.9),
        PastSubmission("b", "", day + timedelta(2), 0.9),
        PastSubmission("a", "", day, 0.1),
        PastSubmission("none", "", day, None),
    ]
    best, lowest = leaderboard_place.best(rows, "max"), leaderboard_place.best(rows, "min")
    assert best is not None
    assert lowest is not None
    assert (best.file, lowest.file) == ("b", "a")
    assert leaderboard_place.best(rows[3:], "max") is None


@pytest.mark.parametrize("score", [None, math.nan, math.inf])
def test_a_run_without_a_finite_score_has_no_place(tmp_path: Path, score: Any) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"competition": "toy", "preset": "quick"}))
    (tmp_path / "scores.json").write_text(json.dumps({"members": {"blend": {"mae": score}}}))
    with pytest.raises(UsageError, match="has no mae of its blend"):
        leaderboard_place.local_score(Run(tmp_path), Held(), Metric("mae", "min", lambda prediction, samples: 0.0))  # type: ignore[arg-type]
