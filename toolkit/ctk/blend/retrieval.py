"""Weights for embedding models by mean reciprocal rank, from tiles of their score matrices."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ctk import ops
from ctk.blend.climb import grid
from ctk.blend.members import members_of
from ctk.blend.positives import Positives
from ctk.blend.rank_climb import RankClimb, climb_together
from ctk.blend.result import BlendResult, Step
from ctk.blend.score_tiles import ScoreTiles, TilePlan
from ctk.ops.arguments import Integers, as_integers, as_whole, check_dense

MEMORY_LIMIT = 256 << 20
MOST_SHARES = 1024
"""As many as the CUDA kernel has room for."""

LARGEST_SCORE = 1e30
"""Far enough from float32's end that no blend of scores overflows."""


def hill_climb_retrieval(
    query_sets: Mapping[str, Any] | Sequence[Any] | Tensor,
    gallery_sets: Mapping[str, Any] | Sequence[Any] | Tensor,
    target: Integers | None = None,
    *,
    query_ids: Integers | None = None,
    gallery_ids: Integers | None = None,
    bounds: tuple[float, float] = (-0.5, 0.5),
    step: float = 0.01,
    replacement: bool = True,
    max_rounds: int = 100,
    patience: int = 1,
    time_limit: float | None = None,
    bags: int = 1,
    seed: int = 0,
    cutoff: int | None = None,
    memory_limit: int | None = None,
    progress: Callable[[Step], None] | None = None,
) -> BlendResult:
    """Climb to weights of M embedding models whose blended scores rank best, without M x Q x G scores in memory.

    The blended score of a query and a gallery entry is the sum of weight x dot product; the weights sum to 1. The first
    round takes the best single member. Each one after it tries to mix in every member at every share of a grid, blend =
    (1 - share) * blend + share * member, and takes what gives the best mean reciprocal rank, the first of equals.

    query_sets    M tensors or arrays (Q, D_m), any floating dtype, used as they are: normalise first for cosine
                  similarity. A mapping has them by name
    gallery_sets  M tensors (G, D_m), or one (G, D) for all members; all on one device, where the work is done then. A
                  mapping has the names of the query sets
    target        (Q,) gallery rows; or query_ids (Q,) and gallery_ids (G,): entries with the query's id are its
                  positives, and its rank is that of the best of them among the entries that are not. Ties count half.
                  Each a tensor on that device, an array or a list
    bounds, step  the shares to try: multiples of step within bounds
    replacement   whether a member may be taken again
    max_rounds    how many at most, the first included; patience: how many of them in a row without gain end the climb.
                  What was best is returned.
    time_limit    seconds after which the climb ends with what it has; the first round is always finished
    bags          climbs on bootstrap samples of the queries (Efron 1979), whose weights are averaged; 1 climbs once, on
                  all queries
    cutoff        a rank beyond it counts 0, as in MRR@cutoff
    memory_limit  bytes of scores and counts held at a time (None: 256 MiB). Tiles that fit are kept from round to
                  round, the others are computed again: M products a round. The scores of the positives, M x Q x P in
                  float32, are kept besides; the final scoring needs a copy of the embeddings in float32, and on a
                  machine without our kernels all Q x G scores of the blend.
    progress      called with the step that a round tried; of bags, with each one's
    returns       BlendResult with weights (M,). score is the blend's mean reciprocal rank over all queries, as
                  ctk.ops.mean_reciprocal_rank gives it; the trace has the steps with the scores that the climb saw, of
                  bags those of each on its sample, one climb after the other.
    raises        ValueError for shapes, dtypes and devices that do not fit, for a query without a positive, for NaN or
                  infinity (naming set and row), and for a memory_limit too small for one score of each member
    """
    sets, names = members_of(query_sets)
    queries = [torch.as_tensor(each).detach() for each in sets]
    shared = getattr(gallery_sets, "ndim", 0) == 2
    sets = [gallery_sets] * len(queries) if shared else members_of(gallery_sets, names)[0]
    galleries = [torch.as_tensor(each).detach() for each in sets]
    _check_sets(queries, galleries)
    members, count, gallery, device = len(queries), len(queries[0]), len(galleries[0]), queries[0].device
    named = {"target": (target, count), "query_ids": (query_ids, count), "gallery_ids": (gallery_ids, gallery)}
    right = [None if ids is None else as_integers(name, ids, rows, device) for name, (ids, rows) in named.items()]
    positives = Positives.of(right[0], right[1], right[2], gallery)
    shares = _shares(bounds, step)
    for name, number in (("max_rounds", max_rounds), ("patience", patience), ("bags", bags), ("cutoff", cutoff)):
        if number is not None:
            as_whole(name, number)
    if time_limit is not None and not time_limit >= 0:
        raise ValueError(f"time_limit is {time_limit}: seconds from now on are needed")
    deadline = math.inf if time_limit is None else time.monotonic() + time_limit

    with torch.autocast(device.type, enabled=False):
        plan = TilePlan.of(
            members,
            count,
            gallery,
            # A count of each bag and of the tile at hand; then a double and an integer for its reciprocal.
            per_row=members * len(shares) * (4 * (bags + 1) + 16),
            # An embedding that is not float32 is copied.
            per_line=4 * max(0 if each.dtype == torch.float32 else each.shape[1] for each in queries + galleries),
            limit=MEMORY_LIMIT if memory_limit is None else memory_limit,
        )
        climbs = [RankClimb(members, count, sample) for sample in _samples(count, bags, seed, device)]
        climb_together(
            climbs,
            ScoreTiles(queries, galleries, positives, plan),
            shares,
            cutoff=cutoff,
            replacement=replacement,
            max_rounds=max_rounds,
            patience=patience,
            deadline=deadline,
            progress=progress,
        )
        weights: NDArray[np.float64] = np.mean([climb.best_weights for climb in climbs], axis=0)
        blended = _blended(queries, galleries, weights, shared)
        score = ops.mean_reciprocal_rank(*blended, right[0], query_ids=right[1], gallery_ids=right[2], cutoff=cutoff)
    return BlendResult(weights, score, tuple(step for climb in climbs for step in climb.trace), names=names)


def _shares(bounds: tuple[float, float], step: float) -> list[float]:
    low, high = bounds
    if not (math.isfinite(low) and math.isfinite(high) and math.isfinite(step) and step > 0):
        raise ValueError(f"bounds are two finite numbers and step is above 0, not {bounds} and {step}")
    if (high - low) / step >= MOST_SHARES:
        raise ValueError(f"bounds {bounds} hold more than {MOST_SHARES} multiples of {step}; take a larger step")
    # Zero stays in, though it is never taken: an even grid is the quick one.
    shares: list[float] = grid(step, low, high).tolist()
    if not any(shares):
        raise ValueError(f"bounds {bounds} hold no multiple of step {step} but zero; widen them or take a smaller step")
    return shares


def _samples(count: int, bags: int, seed: int, device: torch.device) -> list[Tensor | None]:
    """How often each bag has each query. Drawn on the host, so that every device climbs on the same samples."""
    if bags == 1:
        return [None]
    generator = np.random.default_rng(seed)
    drawn = [np.bincount(generator.integers(0, count, count), minlength=count) for _ in range(bags)]
    return [torch.as_tensor(each, dtype=torch.int64, device=device) for each in drawn]


def _blended(
    queries: Sequence[Tensor], galleries: Sequence[Tensor], weights: NDArray[np.float64], shared: bool
) -> tuple[Tensor, Tensor]:
    """One query and one gallery matrix in float32 whose dot products are the blended scores."""
    used = [member for member, weight in enumerate(weights) if weight]
    scaled = [queries[member].float() * float(weights[member]) for member in used]
    if shared:
        return torch.stack(scaled).sum(0), galleries[0].float()
    return torch.cat(scaled, dim=1), torch.cat([galleries[member].float() for member in used], dim=1)


def _check_sets(queries: Sequence[Tensor], galleries: Sequence[Tensor]) -> None:
    if not queries:
        raise ValueError("there is nothing to blend: give at least one member's embeddings")
    if len(galleries) != len(queries):
        raise ValueError(
            f"{len(queries)} query sets and {len(galleries)} gallery sets; give one a member, or one for all"
        )
    for member, (query, gallery) in enumerate(zip(queries, galleries, strict=True)):
        for name, each, like in (("query_sets", query, queries[0]), ("gallery_sets", gallery, galleries[0])):
            if each.ndim != 2 or not len(each) or not each.is_floating_point():
                raise ValueError(
                    f"{name}[{member}] is a floating matrix, not {each.dtype} of shape {tuple(each.shape)}"
                )
            if len(each) != len(like):
                raise ValueError(f"{name}[{member}] has {len(each)} rows and {name}[0] has {len(like)}")
            if each.device != queries[0].device:
                raise ValueError(f"{name}[{member}] is on {each.device} and query_sets[0] on {queries[0].device}")
            check_dense(f"{name}[{member}]", each)
        if query.shape[1] != gallery.shape[1]:
            raise ValueError(
                f"query_sets[{member}] is {query.shape[1]} wide and gallery_sets[{member}] {gallery.shape[1]}"
            )
    for member, (query, gallery) in enumerate(zip(queries, galleries, strict=True)):
        longest = _longest(f"query_sets[{member}]", query) * _longest(f"gallery_sets[{member}]", gallery)
        if longest > LARGEST_SCORE:
            raise ValueError(
                f"scores of member {member} may reach {longest:.0e}, beyond float32; normalise its embeddings"
            )


def _longest(name: str, embeddings: Tensor, at_once: int = 1 << 20) -> float:
    """Length of the longest row. Raises ValueError for the first that has NaN or infinity."""
    longest, rows = 0.0, max(1, at_once // max(1, embeddings.shape[1]))
    for start in range(0, len(embeddings), rows):
        lengths = embeddings[start : start + rows].double().square().sum(1).sqrt()
        good = lengths.isfinite()
        if not bool(good.all()):
            row = start + int((~good).nonzero()[0])
            raise ValueError(f"{name}, row {row} has NaN or infinity; leave the row out or mend its embedding")
        longest = max(longest, float(lengths.max()))
    return longest
