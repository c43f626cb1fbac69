"""The loss as a component: a learned temperature moves, a fixed one stays; warm-up and regression are as said."""

import math

import pytest
import torch

from ctk.components.info_nce import InfoNCE
from ctk.contract import Batch
from ctk.ops import info_nce


def batch(epoch=0):
    torch.manual_seed(0)
    return torch.randn(8, 4), Batch({}, torch.randn(8, 4), torch.tensor([0, 0, 1, 2, 3, 4, 5, 5]), epoch)


@pytest.mark.parametrize("temperature", [0.01, 0.005, 0.07])
def test_a_learned_temperature_moves_and_stays_in_bounds(temperature):
    loss = InfoNCE(temperature=temperature, learn_temperature=True)
    optimizer = torch.optim.SGD(loss.parameters(), lr=0.01)
    prediction, rows = batch()
    before = min(math.log(1 / temperature), math.log(100))
    for _ in range(3):
        optimizer.zero_grad()
        loss(prediction, rows).backward()
        optimizer.step()
    assert abs(float(loss.log_scale.detach()) - before) > 1e-4
    loss(prediction, rows)
    assert float(loss.log_scale.detach().exp()) <= 100 * (1 + 1e-6)


def test_a_fixed_temperature_is_no_parameter_to_train():
    assert not [parameter for parameter in InfoNCE().parameters() if parameter.requires_grad]


def test_cosine_normalises_and_dot_does_not():
    prediction, rows = batch()
    unit = torch.nn.functional.normalize
    ids = rows.target_ids
    cosine = info_nce(unit(prediction), unit(rows.target), 1 / 0.5, query_ids=ids, key_ids=ids)
    dot = info_nce(prediction, rows.target, 1 / 0.5, query_ids=ids, key_ids=ids)
    assert float(InfoNCE(temperature=0.5)(prediction, rows)) == pytest.approx(float(cosine))
    assert float(InfoNCE(temperature=0.5, similarity="dot")(prediction, rows)) == pytest.approx(float(dot))


@pytest.mark.parametrize(
    ("similarity", "between"),
    [("euclidean", lambda q, k: -((q - k) ** 2).sum()), ("manhattan", lambda q, k: -(q - k).abs().sum())],
)
def test_distances_are_taken_of_the_vectors_as_they_are_and_are_learned_by(similarity, between):
    prediction, rows = batch()
    prediction.requires_grad_()
    by_hand = torch.stack([torch.stack([between(q, k) for k in rows.target]) for q in prediction])
    ids = rows.target_ids
    wanted = info_nce(by_hand, torch.eye(8), 1 / 0.5, query_ids=ids, key_ids=ids)
    got = InfoNCE(temperature=0.5, similarity=similarity)(prediction, rows)
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)
    slopes = [torch.autograd.grad(each, prediction)[0] for each in (got, wanted)]
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-5)


def test_warm_up_and_regression_add_up():
    prediction, rows = batch()
    plain = float(InfoNCE(temperature=0.5)(prediction, rows))
    smooth = float(torch.nn.functional.smooth_l1_loss(prediction, rows.target))
    both = InfoNCE(temperature=0.5, weight=0.5, warmup=4, regression=0.1)
    for epoch, share in ((0, 0.25), (1, 0.5), (3, 1.0), (9, 1.0)):
        loss = float(both(prediction, rows._replace(epoch=epoch)))
        assert loss == pytest.approx(0.5 * share * plain + 0.1 * smooth)
