"""The climb finds what a search by hand finds."""

import pytest
import torch

from ctk.ops import hill_climb


def negative_error(target):
    return lambda blend: -float(((blend - target) ** 2).mean())


def test_two_members_with_opposite_errors_are_joined():
    target = torch.linspace(0, 1, 20)
    climb = hill_climb([target + 1, target - 1, target + 5], negative_error(target))
    assert climb.weights == pytest.approx((0.5, 0.5, 0.0))
    assert climb.score == pytest.approx(0, abs=1e-9)
    assert [step.member for step in climb.trace] == [0, 1]


def test_weights_give_the_score_they_claim():
    torch.manual_seed(0)
    target = torch.randn(200)
    members = [target + torch.randn(200) * spread for spread in (0.5, 0.7, 0.9, 3.0)]
    metric = negative_error(target)
    climb = hill_climb(members, metric)
    blend = sum(weight * member for weight, member in zip(climb.weights, members, strict=True))
    assert metric(blend) == pytest.approx(climb.score, rel=1e-4)
    assert climb.score > max(metric(member) for member in members)
    assert sum(climb.weights) == pytest.approx(1)


def test_each_step_raises_the_score():
    torch.manual_seed(1)
    target = torch.randn(100)
    trace = hill_climb([target + torch.randn(100) for _ in range(6)], negative_error(target)).trace
    scores = [step.score for step in trace]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)


def test_without_replacement_each_member_is_taken_once():
    torch.manual_seed(2)
    target = torch.randn(100)
    members = [target + torch.randn(100) * (1 + n) for n in range(4)]
    taken = [step.member for step in hill_climb(members, negative_error(target), replacement=False).trace]
    assert len(taken) == len(set(taken))


def test_a_member_whose_score_is_nan_is_never_taken():
    target = torch.zeros(4)
    climb = hill_climb([torch.full((4,), float("nan")), torch.ones(4)], negative_error(target))
    assert climb.weights == (0.0, 1.0)


def test_nothing_to_blend_is_an_error():
    with pytest.raises(ValueError, match="nothing to blend"):
        hill_climb([], lambda blend: 0.0)
