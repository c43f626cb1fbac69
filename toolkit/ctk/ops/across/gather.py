"""Every rank holds all keys: one block of its own queries against them, columns' sums merged by all-reduce."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from ctk.ops.across import block
from ctk.ops.across.loss import Seen, Share, alike
from ctk.ops.contrastive import equal_classes


class SavedForBackward(NamedTuple):
    """From forward for backward: all keys with their ids, and the products that fitted into the limit."""

    keys: Tensor
    ids: Tensor
    tiles: Tensor | None


def forward(
    query: Tensor, key: Tensor, scale: Tensor, query_ids: Tensor, key_ids: Tensor, share: Share
) -> tuple[Seen, SavedForBackward]:
    """What ``loss.mean`` needs of this rank's rows."""
    rows, group = share.rows, share.group
    keys, all_key_ids = _gathered(key, rows.keys, group), _gathered(key_ids, rows.keys, group)
    all_query_ids = _gathered(query_ids, rows.queries, group)
    of_query, of_keys, tiles = block.sums(
        query, keys, scale, share.symmetric, share.memory_limit, share.native, keep=True
    )
    own = torch.split(of_keys, rows.keys, 1)[rows.rank]
    if share.symmetric:
        top = of_keys[0].clone()
        dist.all_reduce(top, dist.ReduceOp.MAX, group=group)
        mass = of_keys[1] * block.factor(of_keys[0], top)
        dist.all_reduce(mass, group=group)
        own = torch.split(torch.stack([top, mass]), rows.keys, 1)[rows.rank]
    seen = Seen(
        query=of_query,
        key=own,
        keys_alike=alike(query_ids, all_key_ids),
        queries_alike=alike(query_ids, all_query_ids),
        of_key=alike(key_ids, all_query_ids),
        positive=block.positive_products(query, keys, query_ids, all_key_ids),
    )
    return seen, SavedForBackward(keys, all_key_ids, tiles)


def backward(
    gradient: Tensor, query: Tensor, key: Tensor, scale: Tensor, query_ids: Tensor, key_ids: Tensor,
    query_side: Tensor, key_side: Tensor, share: Share, kept: SavedForBackward, of_query: bool, of_key: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of this rank's queries and keys, and its queries' part of the scale's."""
    rows, group = share.rows, share.group
    sides = key_side
    if share.symmetric:
        sides = _gathered(key_side.T.contiguous(), rows.keys, group).T.contiguous()
    of_queries, of_keys, of_scale = block.slopes(
        gradient, query, kept.keys, scale, equal_classes(query_ids, kept.ids), query_side, sides, kept.tiles,
        share.memory_limit, share.native, of_query, of_key,
    )  # fmt: skip
    return of_queries, _summed(of_keys, rows.keys, rows.rank, group) if of_key else of_keys, of_scale


def _gathered(own: Tensor, rows: Sequence[int], group: dist.ProcessGroup) -> Tensor:
    """Every rank's rows, one rank's after another's."""
    every = own.new_empty(sum(rows), *own.shape[1:])
    if len(set(rows)) == 1:
        dist.all_gather_into_tensor(every, own, group=group)
        return every
    parts = torch.split(every, list(rows))
    parts[group.rank()].copy_(own)
    _wait([dist.broadcast(part, group=group, group_src=rank, async_op=True) for rank, part in _filled(parts)])
    return every


def _summed(every: Tensor, rows: Sequence[int], rank: int, group: dist.ProcessGroup) -> Tensor:
    """The sum over ranks of what each has for this rank's rows. ``every`` is used up."""
    parts = torch.split(every, list(rows))
    if len(set(rows)) == 1:
        own = torch.empty_like(parts[rank])
        dist.reduce_scatter_tensor(own, every, group=group)
        return own
    _wait([dist.reduce(part, group=group, group_dst=to, async_op=True) for to, part in _filled(parts)])
    return parts[rank].clone()


def _filled(parts: Sequence[Tensor]) -> list[tuple[int, Tensor]]:
    return [(rank, part) for rank, part in enumerate(parts) if len(part)]


def _wait(works: Sequence[dist.Work | None]) -> None:
    for work in works:
        if work is not None:
            work.wait()
