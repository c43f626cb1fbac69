"""The loss is the one that a slow reading of its definition gives, over all columns or some of them."""

import numpy as np
import pytest
import torch

from ctk.contract import Batch
from ctk_leap_climsim.columns import GROUPS, TARGETS, ZERO
from ctk_leap_climsim.loss import SmoothL1Levels


def make_constants(still=()):
    std = np.ones(len(TARGETS))
    std[list(still)] = 0.0
    return {"target_std": std, "weights": np.where(ZERO, 0.0, 2.0)}


def smooth_l1(difference, beta):
    size = abs(difference)
    return size**2 / (2 * beta) if size < beta else size - beta / 2


def slow(prediction, target, columns, counting, beta, differences):
    """Loop over rows, columns and pairs of levels."""
    place = {column: at for at, column in enumerate(columns)}
    single = [
        smooth_l1(prediction[row, at] - target[row, at], beta)
        for column, at in place.items()
        if counting[column]
        for row in range(len(prediction))
    ]
    by_series = []
    for series in range(6):
        pairs = []
        for level in range(59):
            upper, lower = 60 * series + level, 60 * series + level + 1
            if upper in place and lower in place and counting[upper] and counting[lower]:
                for row in range(len(prediction)):
                    predicted = prediction[row, place[lower]] - prediction[row, place[upper]]
                    true = target[row, place[lower]] - target[row, place[upper]]
                    pairs.append(smooth_l1(predicted - true, beta))
        if pairs:
            by_series.append(np.mean(pairs))
    return np.mean(single) + differences * (np.mean(by_series) if by_series else 0.0)


ALL = np.arange(len(TARGETS))


@pytest.mark.parametrize(
    "columns", [ALL, *(np.flatnonzero(group == GROUPS) for group in dict.fromkeys(GROUPS)), ALL[30:95]]
)
@pytest.mark.parametrize(("beta", "differences"), [(0.5, 1.0), (1.0, 0.3)])
def test_the_loss_is_its_definition(columns, beta, differences):
    random = np.random.default_rng(0)
    prediction, target = random.normal(size=(2, 4, len(columns))).astype(np.float32)
    constants = make_constants(still=[5, 6, 250])
    loss = SmoothL1Levels(constants, beta=beta, differences=differences)
    batch = Batch({}, torch.from_numpy(target), None, columns=None if columns is ALL else torch.from_numpy(columns))
    counting = (constants["weights"] != 0) & (constants["target_std"] > 0)
    wanted = slow(prediction, target, columns, counting, beta, differences)
    assert float(loss(torch.from_numpy(prediction), batch)) == pytest.approx(wanted, rel=1e-5)


def test_columns_that_do_not_count_have_no_gradient():
    prediction = torch.randn(3, len(TARGETS), requires_grad=True)
    SmoothL1Levels(make_constants(still=[5]))(prediction, Batch({}, torch.zeros(3, len(TARGETS)), None)).backward()
    moved = prediction.grad.abs().sum(0).numpy() > 0
    assert np.array_equal(moved, ~ZERO & (ALL != 5))


def test_a_group_that_does_not_vary_at_all_has_loss_0():
    columns = torch.arange(240, 300)
    loss = SmoothL1Levels(make_constants(still=range(240, 300)))
    prediction = torch.randn(3, 60, requires_grad=True)
    value = loss(prediction, Batch({}, torch.zeros(3, 60), None, columns=columns))
    value.backward()
    assert value.detach() == 0
    assert not prediction.grad.any()


def test_a_prediction_in_bfloat16_is_compared_in_float32():
    prediction, target = torch.randn(2, 3, len(TARGETS))
    loss, batch = SmoothL1Levels(make_constants()), Batch({}, target, None)
    assert loss(prediction.bfloat16(), batch) == loss(prediction.bfloat16().float(), batch)
