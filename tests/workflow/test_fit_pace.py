"""How long fits will take yet, where members count different things."""

import pytest

from ctk.runs import Part
from ctk.workflow import fit_pace
from ctk.workflow.fit_pace import FitPace

TREES = [Part("trees", 1, fold) for fold in range(3)]
NETWORKS = [Part("network", 1, fold) for fold in range(3)]


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(fit_pace.time, "monotonic", lambda: now[0])

    def hear(pace, at, part, done, total):
        now[0] = 100.0 + at
        pace.hear(part, done, total)

    return hear


def test_rounds_of_trees_and_epochs_of_networks_count_by_their_seconds(clock):
    pace = FitPace()
    for fold, part in enumerate(TREES):  # ten seconds each, of 3,600 rounds
        clock(pace, 10 * fold, part, 0, 3600)
        clock(pace, 10 * fold + 10, part, 3600, 3600)
    clock(pace, 30, NETWORKS[0], 0, 9)
    clock(pace, 50, NETWORKS[0], 1, 9)  # 180 seconds each
    assert pace.seconds_left([*TREES, *NETWORKS]) == pytest.approx(160 + 2 * 180)
    assert pace.share([*TREES, *NETWORKS]) == pytest.approx(50 / 570)


def test_the_estimate_waits_for_a_pace_and_does_not_grow_while_an_epoch_lasts(clock):
    pace = FitPace()
    clock(pace, 0, NETWORKS[0], 0, 9)
    assert pace.seconds_left(NETWORKS) is None
    clock(pace, 20, NETWORKS[0], 1, 9)
    clock(pace, 39, NETWORKS[0], 1, 9)
    assert pace.seconds_left(NETWORKS) == pytest.approx(160 + 360)


def test_parts_side_by_side_are_done_in_the_time_of_one(clock):
    pace = FitPace()
    for part in NETWORKS[:2]:
        clock(pace, 0, part, 0, 9)
    for part in NETWORKS[:2]:
        clock(pace, 20, part, 1, 9)
    assert pace.seconds_left(NETWORKS[:2]) == pytest.approx(160)


def test_what_a_resumed_part_had_behind_it_is_none_of_its_pace(clock):
    pace = FitPace()
    clock(pace, 0, NETWORKS[0], 6, 9)
    clock(pace, 20, NETWORKS[0], 7, 9)
    assert pace.seconds_left(NETWORKS[:1]) == pytest.approx(40)
