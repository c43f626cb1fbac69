"""Ids come as tensors, arrays or lists; a check names the row where a loss would be NaN."""

import numpy as np
import pandas as pd
import pytest
import torch

from ctk.ops import info_nce, mean_reciprocal_rank, target_ranks

IDS = [7, 7, 9]
KINDS = [
    list,
    tuple,
    np.array,
    lambda ids: pd.Series(ids, index=[9, 8, 7]),
    lambda ids: np.array(ids, np.uint64),
    lambda ids: torch.tensor(ids, dtype=torch.uint64),
]


@pytest.fixture
def vectors():
    return torch.nn.functional.normalize(torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(1)), dim=-1)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_taken_in_whatever_holds_them(vectors, kind):
    query, key = vectors
    ids = torch.tensor(IDS)
    assert info_nce(query, key, 10.0, query_ids=kind(IDS), key_ids=kind(IDS)) == info_nce(
        query, key, 10.0, query_ids=ids, key_ids=ids
    )
    ranks = target_ranks(query, key, query_ids=ids, gallery_ids=ids).tolist()
    assert target_ranks(query, key, query_ids=kind(IDS), gallery_ids=kind(IDS)).tolist() == ranks
    assert mean_reciprocal_rank(query, key, kind([2, 1, 0])) == mean_reciprocal_rank(
        query, key, torch.tensor([2, 1, 0])
    )


@pytest.mark.parametrize(
    "ids", [["a", "b", "c"], [1.0, 2.0, 3.0], [[1], [2], [3]], np.array(["a", "b", "c"]), 5, [1, 2]]
)
def test_what_are_no_ids_is_named(vectors, ids):
    for call in (
        lambda: info_nce(*vectors, 1.0, query_ids=ids, key_ids=IDS),
        lambda: target_ranks(*vectors, query_ids=ids, gallery_ids=IDS),
    ):
        with pytest.raises(ValueError, match=r"query_ids is \(3,\) integers"):
            call()


def with_number(vectors, row, number):
    vectors = vectors.clone()
    vectors[row, 0] = number
    return vectors


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_check_names_the_row_that_would_make_the_loss_nan(vectors, number, symmetric):
    query, key = vectors
    for call, named in (
        (lambda **more: info_nce(with_number(query, 2, number), key, 10.0, symmetric=symmetric, **more), "query row 2"),
        (lambda **more: info_nce(query, with_number(key, 1, number), 10.0, symmetric=symmetric, **more), "key row 1"),
    ):
        assert torch.isnan(call())
        with pytest.raises(ValueError, match=f"{named} has NaN or infinity"):
            call(check=True)


def test_check_tells_that_no_row_has_a_positive_and_that_a_finite_row_is_too_long(vectors):
    query, key = vectors
    assert torch.isnan(info_nce(query, key, 10.0, query_ids=[1, 2, 3], key_ids=[4, 5, 6]))
    with pytest.raises(ValueError, match="no query row, from row 0 on, has a positive"):
        info_nce(query, key, 10.0, query_ids=[1, 2, 3], key_ids=[4, 5, 6], check=True)
    with pytest.raises(ValueError, match="query row 1 has logits beyond float32"):
        info_nce(with_number(query, 1, 3e38), 1e3 * key, 10.0, check=True)
    with pytest.raises(ValueError, match="logit_scale is nan"):
        info_nce(query, key, float("nan"), check=True)


def test_check_changes_neither_loss_nor_gradient(vectors):
    losses = []
    for check in (False, True):
        query = vectors[0].clone().requires_grad_()
        loss = info_nce(query, vectors[1], 10.0, check=check)
        loss.backward()
        losses.append((loss.item(), query.grad.tolist()))
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("to", "says"), [(torch.Tensor.to_sparse, "sparse tensor"), (lambda t: t.to("meta"), "on meta")]
)
def test_vectors_that_hold_no_dense_numbers_are_named(vectors, to, says):
    with pytest.raises(ValueError, match=f"query is .*{says}"):
        info_nce(to(vectors[0]), to(vectors[1]), 1.0)
