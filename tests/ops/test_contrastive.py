"""info_nce against the sum of its definition, in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ctk.ops import info_nce


def by_definition(query, key, scale, query_ids, key_ids, label_smoothing=0.0):
    """One direction: for each query with positives, minus the mean log-probability over them."""
    losses = []
    for row, vector in enumerate(query.double()):
        logits = [scale * float(vector @ other) for other in key.double()]
        top = max(logits)
        log_sum = top + math.log(sum(math.exp(logit - top) for logit in logits))
        positives = [column for column in range(len(key)) if key_ids[column] == query_ids[row]]
        if positives:
            own = sum(log_sum - logits[column] for column in positives) / len(positives)
            spread = sum(log_sum - logit for logit in logits) / len(logits)
            losses.append((1 - label_smoothing) * own + label_smoothing * spread)
    return sum(losses) / len(losses) if losses else float("nan")


@st.composite
def cases(draw):
    queries, keys, width = draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(st.integers(1, 9))
    torch.manual_seed(draw(st.integers(0, 10_000)))
    query, key = torch.randn(queries, width), torch.randn(keys, width)
    query_ids, key_ids = torch.randint(0, 3, (queries,)), torch.randint(0, 3, (keys,))
    query_ids[0] = key_ids[0]
    return query, key, query_ids, key_ids


@settings(deadline=None, max_examples=60)
@given(case=cases(), scale=st.sampled_from([0.5, 1.0, 20.0]), smoothing=st.sampled_from([0.0, 0.1]))
def test_loss_is_the_mean_over_positives_in_both_directions(case, scale, smoothing):
    query, key, query_ids, key_ids = case
    there = by_definition(query, key, scale, query_ids, key_ids, smoothing)
    back = by_definition(key, query, scale, key_ids, query_ids, smoothing)
    one_way = info_nce(
        query, key, scale, query_ids=query_ids, key_ids=key_ids, symmetric=False, label_smoothing=smoothing
    )
    both = info_nce(query, key, scale, query_ids=query_ids, key_ids=key_ids, label_smoothing=smoothing)
    assert float(one_way) == pytest.approx(there, rel=1e-4, abs=1e-5)
    assert float(both) == pytest.approx((there + back) / 2, rel=1e-4, abs=1e-5)


def test_without_ids_the_diagonal_is_positive():
    query, key = torch.randn(5, 4), torch.randn(5, 4)
    ids = torch.arange(5)
    assert info_nce(query, key, 3.0) == pytest.approx(float(info_nce(query, key, 3.0, query_ids=ids, key_ids=ids)))


def test_gradients_are_those_of_the_definition():
    query, key = torch.randn(4, 3, dtype=torch.double, requires_grad=True), torch.randn(4, 3, dtype=torch.double)
    scale = torch.tensor(2.0, dtype=torch.double, requires_grad=True)
    info_nce(query, key, scale).backward()
    step = 1e-3
    for tensor in (query, scale):
        flat = tensor.detach().view(-1)
        for place in range(flat.numel()):
            flat[place] += step
            above = float(info_nce(query.detach(), key, scale.detach()))
            flat[place] -= 2 * step
            below = float(info_nce(query.detach(), key, scale.detach()))
            flat[place] += step
            assert float(tensor.grad.view(-1)[place]) == pytest.approx((above - below) / (2 * step), abs=2e-3)


def test_large_scales_do_not_overflow():
    query = torch.nn.functional.normalize(torch.randn(6, 5), dim=1)
    assert torch.isfinite(info_nce(query, query, 1e4))


@pytest.mark.parametrize(
    ("shapes", "more"),
    [(((3, 4), (3, 5)), {}), (((3, 4), (2, 4)), {}), (((3, 4), (3, 4)), {"query_ids": torch.arange(3)})],
)
def test_shapes_that_do_not_fit_are_refused(shapes, more):
    with pytest.raises(ValueError, match=r"\w"):
        info_nce(torch.zeros(shapes[0]), torch.zeros(shapes[1]), 1.0, **more)
