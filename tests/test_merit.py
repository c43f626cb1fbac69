"""Scores are compared with NaN last, wherever they are compared."""

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest

from ctk.blend import greedy_selection
from ctk.contract import Entry, Metric, PastSubmission
from ctk.files import write_text
from ctk.merit import merit
from ctk.runs import FINISHED, Run
from ctk.runs.local_leaderboard import list_series, local_leaderboard
from ctk.workflow import leaderboard_place

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("sign", "best_first"), [(1, [0.2, 0.1, -math.inf]), (-1, [-math.inf, 0.1, 0.2])])
def test_nan_and_none_come_after_every_number_wherever_they_stand(sign, best_first):
    for scores in itertools.permutations([math.nan, 0.1, None, 0.2, -math.inf]):
        found = sorted(scores, key=lambda score: merit(score, sign), reverse=True)
        assert found[:3] == best_first
        assert max(scores, key=lambda score: merit(score, sign)) == best_first[0]


def test_greedy_selection_goes_on_where_the_first_blend_is_scored_nan():
    target = np.array([0.0, 0.0])
    members = [np.array([1.0, -0.1]), np.array([math.nan, 0.0]), np.array([-1.0, 0.1])]
    found = greedy_selection(members[1:] + members[:1], lambda blend: -float(np.square(blend - target).mean()))
    assert found.weights.tolist() == [0.0, 0.5, 0.5]
    assert found.score == 0


def _finished(root, name, direction, **scores):
    run = Run.create(root, "comp", name)
    run.write_config({"competition": "comp", "preset": "p", "members": []}, [], {})
    members = ", ".join(f'"{key}": {{"loss": {score}}}' for key, score in scores.items())
    known = f'"metric": "loss", "direction": "{direction}", "headline": ["loss"], "baselines": [], "test": {{}}'
    write_text(run.folder / "scores.json", f'{{{known}, "members": {{{members}}}}}')
    run.set_state(FINISHED)
    return run


@pytest.mark.parametrize(("direction", "order"), [("min", ["a", "b", "c"]), ("max", ["b", "a", "c"])])
def test_a_run_whose_score_is_nan_is_last_and_does_not_hide_the_best_member(tmp_path, direction, order):
    for name, blend in (("b", 0.2), ("c", "NaN"), ("a", 0.1)):
        _finished(tmp_path, name, direction, one="NaN", two=0.5, blend=blend)
    rows = local_leaderboard(tmp_path)
    assert [row.name[-1] for row in rows] == order
    assert [row.best_member for row in rows] == [0.5] * 3


@pytest.mark.parametrize(("direction", "best"), [("min", 0.1), ("max", 0.2)])
def test_the_best_of_a_series_is_a_number_where_its_first_run_has_none(tmp_path, direction, best):
    for number, blend in enumerate(("NaN", 0.1, "null", 0.2)):
        (tmp_path / "comp" / "search").mkdir(parents=True, exist_ok=True)
        run = _finished(tmp_path, f"t{number}", direction, blend=blend)
        (tmp_path / "comp" / "search" / "trials").mkdir(exist_ok=True)
        run.folder.rename(tmp_path / "comp" / "search" / "trials" / f"{number}")
    assert [each.best for each in list_series(tmp_path)] == [best]


def test_a_metric_says_what_is_best_in_its_own_direction():
    loss = Metric("loss", "min", lambda prediction, samples: 0.0)
    assert max([math.nan, 0.2, 0.1], key=loss.merit) == 0.1


def test_a_team_whose_score_is_nan_has_no_place_on_the_leaderboard():
    entries = [Entry(rank, f"team {rank}", score, str(score)) for rank, score in enumerate([math.nan, 0.9, 0.5], 1)]
    assert leaderboard_place.find_place(0.7, entries, "max") == leaderboard_place.LeaderboardPlace(2, 3, 0)
    leaderboard_place.check_order(entries, Metric("auc", "max", lambda prediction, samples: 0.0))
    best = [PastSubmission(f"{score}.csv", "", None, score) for score in (math.nan, 0.3, None, 0.4)]
    assert leaderboard_place.best(best, "min").score == 0.3


def test_no_source_sorts_by_a_sign_times_a_score():
    by_hand = re.compile(r"(max|min|sorted)\([^\n]*key=[^\n]*sign \*")
    sources = [*ROOT.glob("toolkit/**/*.py"), *ROOT.glob("plugins/*/ctk_*/**/*.py")]
    assert [path for path in sources if by_hand.search(path.read_text(encoding="utf-8"))] == []
