"""The leaderboard: every page, one's own best, and the place of a local run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from ctk.cli.main import cli


@pytest.fixture
def board(kaggle: Any) -> Any:
    """120 teams from 0.99 down to 0.395, one of which has no score, and the user's own at 12."""
    kaggle.teams = [(f"Team {number}", f"{0.995 - number * 0.005:.5f}") for number in range(1, 121)]
    kaggle.teams[11] = ("Four seeds", "0.93500")
    kaggle.teams.append(("Without", None))
    kaggle.submissions = [
        submission("late.csv", "0.90000", "2026-01-09T00:00:00Z"),
        submission("best.csv", "0.93500", "2026-01-05T00:00:00.123456Z"),
        submission("pending.csv", None, "2026-01-10T00:00:00Z", status="PENDING"),
        submission("broken.csv", "0.99900", "2026-01-04T00:00:00Z", status="ERROR"),
    ]
    return kaggle


def submission(file: str, score: str | None, date: str, status: str = "COMPLETE") -> dict[str, Any]:
    """A row of the list of submissions."""
    return {
        "fileName": file,
        "publicScore": score,
        "date": date,
        "status": status,
        "teamName": "Four seeds",
        "description": "a note",
    }


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run whose blend has an mrr_100 of 0.901 and an mrr_gallery of 0.2."""
    monkeypatch.setenv("CTK_RUNS", str(tmp_path / "runs"))
    folder = tmp_path / "runs" / "aml-retrieval" / "0102-030405-quick"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"competition": "aml-retrieval", "preset": "quick"}))
    blend = {"mrr_gallery": 0.2, "mrr_100": 0.901}
    scores = {"metric": "mrr_gallery", "direction": "max", "baselines": [], "members": {"blend": blend}, "test": {}}
    (folder / "scores.json").write_text(json.dumps(scores))
    return folder


def leaderboard(*more: str) -> Result:
    """ctk leaderboard in this process."""
    return CliRunner().invoke(cli, ["leaderboard", "aml-retrieval", *more])


def test_the_top_and_ones_own_best_are_shown(board: Any) -> None:
    result = leaderboard()
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "aml-competition at kaggle: 121 teams"
    assert lines[2].split() == ["1", "Team", "1", "2026-01-02", "0.99000"]
    assert lines[11].split() == ["10", "Team", "10", "2026-01-02", "0.94500"]
    assert lines[12].split() == ["12", "Four", "seeds", "2026-01-02", "0.93500"]
    assert lines[13] == "own best  0.93500, rank 12 (Four seeds)"


def test_every_page_is_read(board: Any) -> None:
    found = json.loads(leaderboard("--json").stdout)
    assert [entry["rank"] for entry in found["entries"]] == list(range(1, 122))
    assert found["entries"][-1] == {
        "rank": 121,
        "team": "Without",
        "score": None,
        "shown": "",
        "when": "2026-01-02 03:04:05",
    }
    assert board.names().count("GetLeaderboard") == 7


def test_a_local_run_is_placed_by_the_metric_that_the_leaderboard_shows(board: Any, run: Path) -> None:
    result = leaderboard("--metrics", "quick")
    # 18 others have 0.905 or more, and mrr_gallery (0.2) is not what Kaggle computes.
    assert result.stdout.splitlines()[-1] == "quick  mrr_100 0.90100 on its validation samples would be rank 18 of 120"


def test_ones_own_entry_is_not_ahead_of_oneself(board: Any, run: Path) -> None:
    place = json.loads(leaderboard("--metrics", "quick", "--team", "Team 60", "--json").stdout)["run"]
    assert (place["rank"], place["of"], place["tied"]) == (19, 120, 0)
    assert json.loads(leaderboard("--metrics", "quick", "--json").stdout)["run"]["rank"] == 18


def test_a_team_is_found_by_its_name_in_any_case_and_near_names_are_offered(board: Any) -> None:
    assert "own best  0.93500, rank 12 (Four seeds)" in leaderboard("--team", "four SEEDS").stdout
    assert "ListSubmissions" not in board.names()
    result = leaderboard("--team", "For seeds")
    assert result.exit_code == 2
    assert result.stderr == "No team 'For seeds' is on the leaderboard.\nDid you mean 'Four seeds'?\n"


def test_the_best_submission_is_shown_where_the_team_is_not_on_the_leaderboard(board: Any) -> None:
    board.teams[11] = ("Somebody else", "0.93500")
    assert leaderboard().stdout.splitlines()[-1] == "own best  0.93500, best.csv (a note); not on the leaderboard"
    board.submissions = []
    assert leaderboard().stdout.splitlines()[-1] == "own best  none of your submissions has a score yet"


def test_a_leaderboard_sorted_the_other_way_has_no_place_for_a_local_score(board: Any, run: Path) -> None:
    board.teams.reverse()
    result = leaderboard("--metrics", "quick")
    assert result.exit_code == 1
    assert "The leaderboard goes from 0.395 to 0.99, and of mrr_100 higher is better." in result.stderr


def test_an_empty_leaderboard_is_shown(kaggle: Any, run: Path) -> None:
    result = leaderboard("--metrics", "quick")
    assert result.exit_code == 0
    assert "aml-competition at kaggle: 0 teams" in result.stdout
    assert "would be rank 1 of 1" in result.stdout


def test_a_run_that_cannot_be_placed_is_said_before_kaggle_is_asked(board: Any, run: Path) -> None:
    assert leaderboard("--metrics", "none").stderr.startswith("There is no run 'none'.")
    (run / "scores.json").unlink()
    assert "has no mrr_100 of its blend" in leaderboard("--metrics", "quick").stderr
    (run / "config.yaml").write_text(yaml.safe_dump({"competition": "leap-climsim", "preset": "quick"}))
    assert "is a run of leap-climsim, not of aml-retrieval" in leaderboard("--metrics", "quick").stderr
    assert board.asked == []
