"""The selection finds what a search by hand finds."""

import numpy as np
import pytest

from ctk.blend import greedy_selection


def negative_error(target):
    return lambda blend: -float(((blend - target) ** 2).mean())


def test_two_members_with_opposite_errors_are_joined():
    target = np.linspace(0, 1, 20)
    climb = greedy_selection([target + 1, target - 1, target + 5], negative_error(target))
    assert climb.weights == pytest.approx([0.5, 0.5, 0.0])
    assert climb.score == pytest.approx(0, abs=1e-9)
    assert [step.member for step in climb.trace] == [0, 1]


def test_weights_give_the_score_they_claim():
    generator = np.random.default_rng(0)
    target = generator.standard_normal(200)
    members = [target + generator.standard_normal(200) * spread for spread in (0.5, 0.7, 0.9, 3.0)]
    metric = negative_error(target)
    climb = greedy_selection(members, metric)
    blend = sum(weight * member for weight, member in zip(climb.weights, members, strict=True))
    assert metric(blend) == pytest.approx(climb.score, rel=1e-4)
    assert climb.score > max(metric(member) for member in members)
    assert sum(climb.weights) == pytest.approx(1)


def test_each_step_raises_the_score():
    generator = np.random.default_rng(1)
    target = generator.standard_normal(100)
    trace = greedy_selection([target + generator.standard_normal(100) for _ in range(6)], negative_error(target)).trace
    scores = [step.score for step in trace]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)


def test_without_replacement_each_member_is_taken_once():
    generator = np.random.default_rng(2)
    target = generator.standard_normal(100)
    members = [target + generator.standard_normal(100) * (1 + n) for n in range(4)]
    taken = [step.member for step in greedy_selection(members, negative_error(target), replacement=False).trace]
    assert len(taken) == len(set(taken))


def test_a_member_whose_score_is_nan_is_never_taken():
    target = np.zeros(4)
    climb = greedy_selection([np.full((4,), float("nan")), np.ones(4)], negative_error(target))
    assert climb.weights.tolist() == [0.0, 1.0]


def test_a_metric_that_returns_nothing_is_told_by_its_name():
    def forgetful(blend):
        negative_error(np.zeros(4))(blend)

    with pytest.raises(ValueError, match="the metric forgetful returned None, and one number is needed"):
        greedy_selection([np.ones(4)], forgetful)


def test_rows_that_came_as_members_are_told():
    target = np.zeros(4)
    with pytest.raises(ValueError, match=r"failed on member 0 .*; 4 rows came as members: members are first, \(M, N\)"):
        greedy_selection(np.ones((4, 2)), negative_error(target))


def test_nothing_to_blend_is_an_error():
    with pytest.raises(ValueError, match="nothing to blend"):
        greedy_selection([], lambda blend: 0.0)


def test_shares_may_be_an_array():
    members, truth = [np.zeros(4), np.ones(4), np.full(4, 0.5)], np.full(4, 0.3)
    climbs = [
        greedy_selection(members, lambda blend: -float(np.square(blend - truth).mean()), shares=shares)
        for shares in ([0.1, 0.5], np.array([0.1, 0.5]), (0.1, 0.5))
    ]
    assert climbs[0].weights.tolist() == climbs[1].weights.tolist() == climbs[2].weights.tolist()
