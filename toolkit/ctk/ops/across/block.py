"""One block of logits, own queries against some keys: its softmax sums, and its slopes once all blocks' are known.

By the kernels of ``ctk.ops.info_nce`` where these serve, else by plain torch with the block's logits in memory.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ctk.ops.contrastive import SAVED
from ctk.ops.tiling import plan_tiling

CHUNK = 32 << 20
"""Bytes of sums of keys that are held at a time."""


def sums(
    query: Tensor, key: Tensor, scale: Tensor, symmetric: bool, memory_limit: int | None, native: bool, keep: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Highest logit of each entry of both directions and the mass e^(logit - highest): (2, B) and (2, K) float64.

    The third is the logits' products that the kernels keep for ``slopes``, where ``keep`` and the limit let them.
    """
    if not len(query) or not len(key):
        return nothing(query), nothing(key), None
    if not native:
        logits = _wide(query) @ _wide(key).T * scale
        return _sums_of(logits), _sums_of(logits.T) if symmetric else nothing(key), None
    # Nobody asks here which are positives. But the kernels on a GPU save no mass of an entry without one, so that
    # each has: few, for these have a price.
    diagonal = torch.arange(max(len(query), len(key)), dtype=torch.int32, device=query.device)
    diagonal %= min(len(query), len(key))
    tiling = plan_tiling(len(query), len(key), memory_limit, query.device.type, keep)
    _, of_query, of_key, tiles = torch.ops.ctk.info_nce(
        query, key, scale, diagonal[: len(query)], diagonal[: len(key)], 0.0, symmetric, *tiling
    )
    return _in_e(of_query), _in_e(of_key) if symmetric else nothing(key), tiles


def side(state: Tensor, counts: Tensor, positives: Tensor, weight: Tensor, others: int, smoothing: float,
         native: bool) -> Tensor:  # fmt: skip
    """What ``slopes`` needs of one direction, (5, n), from the sums over all blocks.

    counts     (n,) whether an entry has a positive, of which there are ``positives`` (n,)
    weight     0-d, of each entry that counts; ``others`` is the number of entries of the other direction
    """
    wide = torch.float32 if native else state.dtype
    unit = _unit(state) if native else 1.0
    own = counts * weight
    pull = counts.to(state.dtype) * ((1 - smoothing) / positives.clamp(min=1).to(state.dtype))
    spread = counts.to(state.dtype) * (smoothing / max(1, others))
    top = (state[0] / unit).to(wide)
    log_mass = ((state[0] + state[1].log()) / unit - top).to(wide)  # with what rounding the highest has lost
    if native and state.device.type == "cuda":  # whose kernels have pull and push for a weight of one; see csrc
        rows = [top, log_mass.where(counts, math.inf), weight.expand_as(own), pull, spread]
    else:
        rows = [top, log_mass, own, own * pull, own * spread]
    return torch.stack([row.to(wide) for row in rows])


def slopes(
    gradient: Tensor, query: Tensor, key: Tensor, scale: Tensor, classes: tuple[Tensor, Tensor], query_side: Tensor,
    key_side: Tensor, tiles: Tensor | None, memory_limit: int | None, native: bool, of_query: bool, of_key: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of the block's queries, keys and scale: (B, D), (K, D), 0-d, float32 or float64; without rows where
    they are not asked for.

    classes   (B,) and (K,) int32, equal for positives
    key_side  (5, K), or (5, 0) where only queries have a softmax
    """
    wide = scale.dtype
    if not len(query) or not len(key):
        made = [query.new_zeros(len(each) if of else 0, each.shape[1], dtype=wide) for each, of in
                ((query, of_query), (key, of_key))]  # fmt: skip
        return made[0], made[1], torch.zeros_like(scale)
    if native:
        rows, columns, _ = plan_tiling(len(query), len(key), memory_limit, query.device.type, tiles is not None)
        if tiles is None:
            tiles = query.new_empty(0, rows * columns, dtype=torch.float32)
        found: tuple[Tensor, Tensor, Tensor] = torch.ops.ctk.info_nce_backward(
            gradient, query, key, scale, *classes, query_side, key_side, tiles, rows, columns, of_query, of_key
        )
        return found
    wide_query, wide_key = _wide(query), _wide(key)
    products = wide_query @ wide_key.T
    same = classes[0][:, None] == classes[1][None, :]
    slope = _slope(products * scale, query_side, same)
    if key_side.shape[1]:
        slope = slope + _slope(products.T * scale, key_side, same.T).T
    slope = slope * gradient
    of_logits = slope * scale
    none = query.new_empty(0, query.shape[1], dtype=wide)
    return (
        of_logits @ wide_key if of_query else none,
        of_logits.T @ wide_query if of_key else none,
        (slope * products).sum(),
    )


def nothing(entries: Tensor) -> Tensor:
    """The sums (2, n) of entries that have met no other yet."""
    empty = torch.zeros(2, len(entries), dtype=torch.float64, device=entries.device)
    empty[0] = -math.inf
    return empty


def join(one: Tensor, other: Tensor) -> Tensor:
    """The sums (2, n) over two blocks from those over each; with none of one, the other's (Milakov and Gimelshein
    2018, arXiv:1805.02867)."""
    top = torch.maximum(one[0], other[0])
    masses = [each[1] * factor(each[0], top) for each in (one, other)]
    return torch.stack([top, masses[0] + masses[1]])


def factor(of: Tensor, top: Tensor) -> Tensor:
    """What a mass relative to ``of`` is multiplied with to be relative to ``top``."""
    return torch.where(of == top, 1.0, (of - top).exp())


def positive_products(query: Tensor, key: Tensor, query_ids: Tensor, key_ids: Tensor) -> Tensor:
    """(B,) float64: each query's product with the sum of its positives among these keys."""
    found = torch.zeros(len(query), dtype=torch.float64, device=query.device)
    if not len(query) or not len(key):
        return found
    known = key_ids.sort().values
    of_key = torch.searchsorted(known, key_ids)
    of_query = torch.searchsorted(known, query_ids).clamp_(max=len(key) - 1)
    has = known[of_query] == query_ids
    wide = torch.promote_types(query.dtype, torch.float32)
    width = max(1, CHUNK // (wide.itemsize * (len(key) + 2 * len(query))))
    for start in range(0, query.shape[1], width):
        columns = slice(start, start + width)
        of_class = torch.zeros_like(key[:, columns], dtype=wide).index_add_(0, of_key, key[:, columns].to(wide))
        found += (query[:, columns].to(wide) * of_class[of_query]).sum(1)
    return found.where(has, 0)


def _unit(tensor: Tensor) -> float:
    """What the kernels' logarithms are multiplied with to be natural: those on a GPU are in base 2."""
    return math.log(2) if tensor.device.type == "cuda" else 1.0


def _in_e(saved: Tensor) -> Tensor:
    top, log_mass = saved[:2].double() * _unit(saved)
    return torch.stack([top, log_mass.exp()])


def _sums_of(logits: Tensor) -> Tensor:
    top = logits.amax(1)
    return torch.stack([top, (logits - top[:, None]).exp().sum(1)]).double()


def _slope(logits: Tensor, of: Tensor, same: Tensor) -> Tensor:
    assert len(of) == SAVED
    top, log_mass, weight, pull, spread = of.to(logits.dtype)[:, :, None]
    slope: Tensor = ((logits - top) - log_mass).exp() * weight - spread - torch.where(same, pull, 0)
    return slope


def _wide(vectors: Tensor) -> Tensor:
    return vectors if vectors.dtype == torch.float64 else vectors.float()
