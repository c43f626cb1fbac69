"""From every rank's sums to the loss, and to what backward needs of each direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from ctk.ops.across import block
from ctk.ops.across.agreement import RankRows


@dataclass(frozen=True)
class Share:
    """What every rank knows of the whole."""

    rows: RankRows
    group: dist.ProcessGroup
    label_smoothing: float
    symmetric: bool
    memory_limit: int | None
    native: bool

    @property
    def part(self) -> float:
        """The weight of each direction in the loss."""
        return 0.5 if self.symmetric else 1.0


class Seen(NamedTuple):
    """The logits of this rank's rows against those of all ranks.

    query, key   (2, B), (2, K) float64: softmax sums, as of ``block.sums``
    keys_alike   (B,) int64, keys with a query's id; queries_alike the same of queries
    of_key       (K,) int64, queries with a key's id
    positive     (B,) float64, each query's product with the sum of its positives
    """

    query: Tensor
    key: Tensor
    keys_alike: Tensor
    queries_alike: Tensor
    of_key: Tensor
    positive: Tensor


def alike(ids: Tensor, others: Tensor) -> Tensor:
    """How many of ``others`` equal each of ``ids``: (n,) int64."""
    known = others.sort().values
    return torch.searchsorted(known, ids, right=True) - torch.searchsorted(known, ids)


def mean(query: Tensor, key: Tensor, scale: Tensor, seen: Seen, share: Share) -> tuple[Tensor, Tensor]:
    """The loss of all ranks, 0-d float64, and how many queries and keys count, (2,). One all-reduce.

    Summed over queries, a query's mean over its positives is needed with two divisors: the keys of its id, and, as
    each such key has it among as many positives as there are queries of the id, these.
    """
    smoothing = share.label_smoothing
    sides = [(seen.query, seen.keys_alike > 0, query)]
    positive = [seen.positive / seen.keys_alike.clamp(min=1)]
    if share.symmetric:
        sides.append((seen.key, seen.of_key > 0, key))
        positive.append(seen.positive / seen.queries_alike.clamp(min=1))
    numbers, vectors = [], []
    for (state, counts, own), pulled in zip(sides, positive, strict=True):
        whole = state[0] + state[1].log()
        # 0 * NaN is NaN: what does not count hides none.
        numbers += [torch.where(counts, whole, 0 * whole).sum(), counts.sum(), pulled.sum()]
        if smoothing:
            vectors.append(_sum(own, counts))
    if smoothing:
        vectors += [_sum(each, torch.ones_like(each[:, 0], dtype=torch.bool)) for each in (key, query)]
    told = torch.cat([torch.stack([number.double() for number in numbers]), *vectors])
    dist.all_reduce(told, group=share.group)
    of_each = told[: len(numbers)].view(-1, 3)
    total = of_each[:, 0] - (1 - smoothing) * scale * of_each[:, 2]
    if smoothing:
        sums = told[len(numbers) :].view(-1, query.shape[1])
        others = torch.tensor([sum(share.rows.keys), sum(share.rows.queries)], device=told.device)[: len(sides)]
        spread = (sums[: len(sides)] * sums[len(sides) :][: len(sides)]).sum(1) / others
        total = total - smoothing * scale * spread
    return (share.part * total / of_each[:, 1]).sum(), of_each[:, 1]


def closed(seen: Seen, counted: Tensor, share: Share) -> tuple[Tensor, Tensor]:
    """What backward needs of this rank's queries, (5, B), and keys, (5, K), or (5, 0) where these have no softmax."""
    weight = torch.where(counted > 0, share.part / counted, 0)
    smoothing, native = share.label_smoothing, share.native
    query = block.side(
        seen.query, seen.keys_alike > 0, seen.keys_alike, weight[0], sum(share.rows.keys), smoothing, native
    )
    if not share.symmetric:
        return query, query.new_empty(len(query), 0)
    key = block.side(seen.key, seen.of_key > 0, seen.of_key, weight[1], sum(share.rows.queries), smoothing, native)
    return query, key


def _sum(vectors: Tensor, of: Tensor) -> Tensor:
    """(D,) float64: sum of those vectors."""
    wide = torch.promote_types(vectors.dtype, torch.float32)
    return (of.to(wide) @ vectors.to(wide)).double()
