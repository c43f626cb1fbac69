"""Ranks against a plain loop."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ctk import ops
from ctk.ops import mean_reciprocal_rank, target_ranks, topk


@st.composite
def ranking_cases(draw):
    queries, entries, width = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(1, 4))
    whole = st.integers(-2, 2)  # small whole numbers: many exact ties and duplicates
    query = torch.tensor([[draw(whole) for _ in range(width)] for _ in range(queries)], dtype=torch.float32)
    gallery = torch.tensor([[draw(whole) for _ in range(width)] for _ in range(entries)], dtype=torch.float32)
    target = torch.tensor([draw(st.integers(0, entries - 1)) for _ in range(queries)])
    return query, gallery, target


def rank_by_loop(scores, positives, ties):
    best = max(scores[place] for place in positives)
    greater = sum(score > best for place, score in enumerate(scores) if place not in positives)
    equal = sum(score == best for place, score in enumerate(scores) if place not in positives)
    return 1 + greater + {"optimistic": 0, "mean": equal / 2, "pessimistic": equal}[ties]


@settings(deadline=None)
@given(case=ranking_cases(), ties=st.sampled_from(["optimistic", "mean", "pessimistic"]))
def test_ranks_equal_a_plain_count(case, ties):
    query, gallery, target = case
    expected = [rank_by_loop((gallery @ query[n]).tolist(), {int(target[n])}, ties) for n in range(len(query))]
    assert target_ranks(query, gallery, target, ties=ties).tolist() == expected


@settings(deadline=None)
@given(case=ranking_cases(), ties=st.sampled_from(["optimistic", "mean", "pessimistic"]), groups=st.integers(1, 3))
def test_with_ids_the_best_of_several_positives_counts(case, ties, groups):
    query, gallery, target = case
    gallery_ids = torch.arange(len(gallery)) % groups
    query_ids = gallery_ids[target]
    expected = [
        rank_by_loop(
            (gallery @ query[n]).tolist(), set((gallery_ids == query_ids[n]).nonzero().flatten().tolist()), ties
        )
        for n in range(len(query))
    ]
    ranks = target_ranks(query, gallery, query_ids=query_ids, gallery_ids=gallery_ids, ties=ties)
    assert ranks.tolist() == expected


@settings(deadline=None)
@given(case=ranking_cases(), cutoff=st.one_of(st.none(), st.integers(1, 4)))
def test_mean_reciprocal_rank_is_the_mean_of_reciprocals_within_the_cutoff(case, cutoff):
    query, gallery, target = case
    ranks = target_ranks(query, gallery, target).tolist()
    expected = sum(1 / rank for rank in ranks if cutoff is None or rank <= cutoff) / len(ranks)
    assert mean_reciprocal_rank(query, gallery, target, cutoff=cutoff) == pytest.approx(expected)


def test_tiles_give_what_one_product_gives(monkeypatch):
    query, gallery, target = torch.randn(37, 5), torch.randn(11, 5), torch.randint(0, 11, (37,))
    whole = target_ranks(query, gallery, target)
    values, rows = topk(query, gallery, 3)
    monkeypatch.setattr(ops.reference.ranking, "TILE_SCORES", 40)
    assert torch.equal(target_ranks(query, gallery, target), whole)
    assert torch.equal(topk(query, gallery, 3)[1], rows)
    assert torch.equal(topk(query, gallery, 3)[0], values)


def test_negative_scores_rank_like_any_other():
    query, gallery = torch.tensor([[-1.0]]), torch.tensor([[3.0], [1.0], [2.0]])
    assert target_ranks(query, gallery, torch.tensor([2])).tolist() == [2]


def test_a_score_that_is_not_finite_is_an_error_that_names_the_row():
    query = torch.tensor([[1.0], [1.0], [float("nan")]])
    with pytest.raises(ValueError, match="row 2 has scores that are not finite"):
        target_ranks(query, torch.ones(3, 1), torch.zeros(3, dtype=torch.int64))


def test_a_query_without_a_target_is_an_error_that_names_the_row():
    with pytest.raises(ValueError, match="row 1 has no target"):
        target_ranks(torch.ones(2, 1), torch.ones(1, 1), query_ids=torch.tensor([0, 7]), gallery_ids=torch.tensor([0]))


def test_topk_refuses_more_than_there_is():
    with pytest.raises(ValueError, match="k = 4"):
        topk(torch.ones(1, 2), torch.ones(3, 2), 4)


@pytest.mark.parametrize("k", [2, np.int64(2), np.uint8(2), torch.tensor(2)])
def test_k_is_a_whole_number_of_any_library(k):
    query, gallery = torch.eye(3), torch.eye(3)
    assert torch.equal(topk(query, gallery, k)[1], topk(query, gallery, 2)[1])
    assert mean_reciprocal_rank(query, gallery, torch.arange(3), cutoff=k) == 1


@pytest.mark.parametrize("k", [True, 2.0, np.float32(2), np.True_, "2", 0, None])
def test_what_is_no_whole_number_above_zero_is_refused_as_it_was_given(k):
    with pytest.raises(ValueError, match=re.escape(f"k is {k!r}; a whole number above zero is needed")):
        topk(torch.eye(3), torch.eye(3), k)
