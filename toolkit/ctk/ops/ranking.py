"""Exact ranks by counting, and the best entries. Kernels in csrc/ranks.

A score is the product of two vectors, summed in float64 and rounded to float32: so it does not depend on tiles,
threads, instruction sets or devices, equal vectors tie, and ranks are those of float64 but for ties in the last bit.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ctk.ops import native, reference
from ctk.ops.arguments import Integers, as_integers, as_whole, check_dense, require_rows
from ctk.ops.library import define, fake

Ties = Literal["optimistic", "pessimistic", "mean"]

SHARE_OF_TIES = {"optimistic": 0.0, "pessimistic": 1.0, "mean": 0.5}
KERNEL_DTYPES = (torch.float32, torch.bfloat16, torch.float16)

# Positives of query i are the gallery rows order[starts[i]:ends[i]], and classes[j] is the starts that gallery row j
# belongs to. greater and equal count the other rows against the best positive; greater is -1 for a query with a score
# that is not finite, -2 for one without positives.
define(
    "rank_counts(Tensor query, Tensor gallery, Tensor order, Tensor starts, Tensor ends, Tensor classes)"
    " -> (Tensor greater, Tensor equal)"
)
# Best first; of equal scores the lower row first. A query with a score that is not finite has NaN values.
define("top_scores(Tensor query, Tensor gallery, int k) -> (Tensor values, Tensor rows)")


def target_ranks(
    query: Tensor,
    gallery: Tensor,
    target: Integers | None = None,
    *,
    query_ids: Integers | None = None,
    gallery_ids: Integers | None = None,
    ties: Ties = "mean",
) -> Tensor:
    """Rank of each query's target among the gallery by dot product; 1 is best. Counted, never sorted.

    query    (N, D) floating; gallery (G, D), same dtype and device; target (N,) rows of gallery: a
             tensor of integers on their device, an array or a list; so are ids
    query_ids, gallery_ids  (N,) and (G,), instead of target: every entry with the query's id is a positive, and
             the rank is that of the best of them among the entries that are not
    ties     "optimistic" counts only better entries, "pessimistic" also equal ones, "mean" half of the equal ones
    returns  (N,) float32
    memory   some MB of tiles beyond inputs and result, whatever N and G; 256 MB on a GPU
    raises   ValueError for shapes, dtypes and devices that do not fit, a query without a target, and scores that are
             not finite (naming the first row). Inside torch.compile such a rank is NaN instead.
    """
    query, gallery = _check(query, gallery)
    if ties not in tuple(SHARE_OF_TIES):
        raise ValueError(f"ties is one of {', '.join(SHARE_OF_TIES)}, not {ties!r}")
    positives = _positives(query, gallery, target, query_ids, gallery_ids)
    run = torch.ops.ctk.rank_counts if _native(query) else reference.rank_counts
    greater, equal = run(query, gallery, *positives)
    if not torch.compiler.is_compiling():
        require_rows(greater != -2, "query row {} has no target in the gallery")
        if bool((greater == -1).any()):
            require_rows(gallery.isfinite().all(1), "gallery row {} is not finite")
            require_rows(greater != -1, "query row {} has scores that are not finite")
    ranks = 1 + greater.double() + SHARE_OF_TIES[ties] * equal.double()
    return torch.where(greater < 0, torch.nan, ranks).float()


def topk(query: Tensor, gallery: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k best gallery rows of each query by dot product: scores (N, k) and rows (N, k) int64, best first.

    Of equal scores the lower row comes first. Scores are float32 (float64 of float64) and have no gradient: gather the
    rows and multiply where one is needed. Memory as target_ranks and
    what a row's candidates take. Raises ValueError if k is more than the gallery has, for shapes, dtypes and devices
    that do not fit, and for scores that are not finite, naming the row (inside torch.compile they are NaN instead).
    """
    query, gallery = _check(query, gallery)
    k = as_whole("k", k)
    if k > len(gallery):
        raise ValueError(f"k = {k} of a gallery of {len(gallery)}: a whole number of its rows is needed")
    run = torch.ops.ctk.top_scores if _native(query) else reference.top_scores
    values, rows = run(query, gallery, k)
    if not torch.compiler.is_compiling() and not bool((good := values.isfinite().all(1)).all()):
        require_rows(gallery.isfinite().all(1), "gallery row {} is not finite")
        require_rows(good, "query row {} has scores that are not finite")
    return values, rows


def mean_reciprocal_rank(
    query: Tensor,
    gallery: Tensor,
    target: Integers | None = None,
    *,
    query_ids: Integers | None = None,
    gallery_ids: Integers | None = None,
    ties: Ties = "mean",
    cutoff: int | None = None,
) -> float:
    """Mean over queries of 1 / rank (Voorhees 1999, TREC-8); a rank beyond ``cutoff`` counts 0. See target_ranks."""
    cutoff = None if cutoff is None else as_whole("cutoff", cutoff)
    ranks = target_ranks(query, gallery, target, query_ids=query_ids, gallery_ids=gallery_ids, ties=ties)
    reciprocal = 1 / ranks.double()
    if cutoff is not None:
        reciprocal[ranks > cutoff] = 0
    return float(reciprocal.mean())


def _native(query: Tensor) -> bool:
    return query.dtype in KERNEL_DTYPES and native.serves(query)


def _check(query: Tensor, gallery: Tensor) -> tuple[Tensor, Tensor]:
    """Both without their history: ranks are counts, and have no gradient."""
    for name, vectors in (("query", query), ("gallery", gallery)):
        if not isinstance(vectors, Tensor):
            raise ValueError(f"{name} is a tensor, not {type(vectors).__name__}")
    if query.ndim != 2 or gallery.ndim != 2 or query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"query (N, D) and gallery (G, D) are needed, not {tuple(query.shape)} and {tuple(gallery.shape)}"
        )
    if query.dtype != gallery.dtype or not query.is_floating_point():
        raise ValueError(f"query and gallery need one floating dtype, not {query.dtype} and {gallery.dtype}")
    if query.device != gallery.device:
        raise ValueError(f"query is on {query.device} and gallery on {gallery.device}; they need to be on one device")
    check_dense("query", query)
    check_dense("gallery", gallery)
    return query.detach(), gallery.detach()


def _positives(
    query: Tensor, gallery: Tensor, target: Integers | None, query_ids: Integers | None, gallery_ids: Integers | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """order, starts, ends and classes, as the op takes them."""
    if target is not None:
        if query_ids is not None or gallery_ids is not None:
            raise ValueError("either target or query_ids and gallery_ids say what is right, not both")
        starts = as_integers("target", target, len(query), query.device)
        if not torch.compiler.is_compiling():
            inside = (starts >= 0) & (starts < len(gallery))
            require_rows(inside, f"query row {{}} has a target that is no row of a gallery of {len(gallery)}")
        rows = torch.arange(len(gallery), device=query.device)
        return rows, starts, starts + 1, rows
    if query_ids is None or gallery_ids is None:
        raise ValueError("either target or query_ids and gallery_ids say what is right")
    query_ids = as_integers("query_ids", query_ids, len(query), query.device)
    gallery_ids = as_integers("gallery_ids", gallery_ids, len(gallery), query.device)
    known, order = gallery_ids.sort()
    starts = torch.searchsorted(known, query_ids)
    ends = torch.searchsorted(known, query_ids, right=True)
    return order, starts, ends, torch.searchsorted(known, gallery_ids)


@fake("rank_counts")
def _fake_counts(
    query: Tensor, gallery: Tensor, order: Tensor, starts: Tensor, ends: Tensor, classes: Tensor
) -> tuple[Tensor, Tensor]:
    return starts.new_empty(query.shape[0], dtype=torch.int64), starts.new_empty(query.shape[0], dtype=torch.int64)


@fake("top_scores")
def _fake_top(query: Tensor, gallery: Tensor, k: int) -> tuple[Tensor, Tensor]:
    shape = (query.shape[0], k)
    return query.new_empty(shape, dtype=torch.float32), query.new_empty(shape, dtype=torch.int64)
