"""Keys go from rank to rank: own queries against a third of one rank's keys at a time.

While a piece is worked on the next is on its way, and so is the sum for the piece before: the softmax sums of its keys
forward, their gradient backward. Each goes with its keys once around and arrives where these are at home. So two
pieces of keys and three of sums are held, and with three pieces a rank that is no more than one rank's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from ctk.ops.across import block
from ctk.ops.across.loss import Seen, Share, alike
from ctk.ops.contrastive import SAVED, equal_classes

PIECES = 3


def forward(
    query: Tensor, key: Tensor, scale: Tensor, query_ids: Tensor, key_ids: Tensor, share: Share
) -> tuple[Seen, None]:
    """What ``loss.mean`` needs of this rank's rows."""
    keys, queries = (_cut(rows) for rows in (share.rows.keys, share.rows.queries))
    of_query = block.nothing(query)
    keys_alike, queries_alike = torch.zeros_like(query_ids), torch.zeros_like(query_ids)
    of_key = torch.zeros_like(key_ids)
    positive = torch.zeros(len(query), dtype=torch.float64, device=query.device)

    def visit(piece: Sequence[Tensor]) -> Tensor:
        nonlocal of_query
        vectors, ids, others = piece
        rows, columns, _ = block.sums(
            query, vectors, scale, share.symmetric, share.memory_limit, share.native, keep=False
        )
        of_query = block.join(of_query, rows)
        keys_alike.add_(alike(query_ids, ids))
        queries_alike.add_(alike(query_ids, others))
        of_key.add_(alike(key_ids, others))
        positive.add_(block.positive_products(query, vectors, query_ids, ids))
        return columns

    def blank(rank: int, piece: int) -> list[Tensor]:
        rows, others = keys[rank][piece], queries[rank][piece]
        return [key.new_empty(rows, key.shape[1]), key_ids.new_empty(rows), query_ids.new_empty(others)]

    def blank_sum(rank: int, piece: int) -> Tensor:
        return torch.empty(2, keys[rank][piece], dtype=torch.float64, device=key.device)

    own = [
        (vectors, ids, others)
        for vectors, ids, others in zip(
            key.tensor_split(PIECES), key_ids.tensor_split(PIECES), query_ids.tensor_split(PIECES), strict=True
        )
    ]
    sums = _Sums(blank_sum, block.join) if share.symmetric else None
    found = circulate(own, blank, visit, sums, share.group)
    return Seen(of_query, torch.cat(found, 1) if found else of_query, keys_alike, queries_alike, of_key, positive), None


def backward(
    gradient: Tensor, query: Tensor, key: Tensor, scale: Tensor, query_ids: Tensor, key_ids: Tensor,
    query_side: Tensor, key_side: Tensor, share: Share, kept: None, of_query: bool, of_key: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of this rank's queries and keys, and its queries' part of the scale's."""
    keys = _cut(share.rows.keys)
    of_queries = query.new_zeros(len(query) if of_query else 0, query.shape[1], dtype=scale.dtype)
    of_scale = torch.zeros_like(scale)

    def visit(piece: Sequence[Tensor]) -> Tensor:
        vectors, ids, sides = piece
        rows, columns, scaling = block.slopes(
            gradient, query, vectors, scale, equal_classes(query_ids, ids), query_side, sides.T.contiguous(), None,
            share.memory_limit, share.native, of_query, of_key,
        )  # fmt: skip
        of_queries.add_(rows)
        of_scale.add_(scaling)
        return columns

    def blank(rank: int, piece: int) -> list[Tensor]:
        rows = keys[rank][piece]
        sides = key_side.new_empty(rows if share.symmetric else 0, SAVED)
        return [key.new_empty(rows, key.shape[1]), key_ids.new_empty(rows), sides]

    def blank_sum(rank: int, piece: int) -> Tensor:
        return key.new_empty(keys[rank][piece], key.shape[1], dtype=scale.dtype)

    own = list(
        zip(
            key.tensor_split(PIECES),
            key_ids.tensor_split(PIECES),
            key_side.T.contiguous().tensor_split(PIECES),
            strict=True,
        )
    )
    sums = _Sums(blank_sum, Tensor.add_) if of_key else None
    found = circulate(own, blank, visit, sums, share.group)
    return of_queries, torch.cat(found) if found else of_queries[:0], of_scale


class _Sums:
    """What goes with a piece: an empty one for (rank, piece), and how this rank's part and the others' become one."""

    def __init__(self, blank: Callable[[int, int], Tensor], join: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.blank = blank
        self.join = join


def circulate(
    own: Sequence[Sequence[Tensor]],
    blank: Callable[[int, int], list[Tensor]],
    visit: Callable[[Sequence[Tensor]], Tensor],
    sums: _Sums | None,
    group: dist.ProcessGroup,
) -> list[Tensor]:
    """Show every rank's pieces to ``visit`` and return the sums of all ranks' results for the own pieces.

    own    tensors of each own piece; all ranks have as many pieces
    blank  tensors to receive (rank, piece) into
    sums   None where ``visit``'s results are of no use

    All ranks send ahead and receive from behind in the same order, without waiting in between, so that none can block
    another. Empty tensors are not sent: both sides know their sizes.
    """
    rank, size = group.rank(), group.size()
    home: list[Tensor] = []
    held: Sequence[Tensor] = ()
    mine: Tensor | None = None
    for step in range(len(own) * size):
        piece, turn = divmod(step, size)
        owner = (rank - turn) % size
        held = held if turn else own[piece]
        goes_on = turn + 1 < size
        incoming = blank((owner - 1) % size, piece) if goes_on else []
        arriving = None
        if mine is not None and sums is not None:
            arriving = sums.blank(owner, piece) if turn else sums.blank(rank, piece - 1)
        works = _exchange([mine, *(held if goes_on else ())], [arriving, *incoming], group)
        part = visit(held)
        _wait(works)
        mine = part if sums is not None else None
        if arriving is not None and sums is not None:
            if turn:
                mine = sums.join(part, arriving)
            else:
                home.append(arriving)
        held = incoming
        del part, arriving, incoming
    if mine is not None and sums is not None:
        last = sums.blank(rank, len(own) - 1)
        _wait(_exchange([mine], [last], group))
        home.append(last)
    return home


def _exchange(out: Sequence[Tensor | None], into: Sequence[Tensor | None], group: dist.ProcessGroup) -> list[dist.Work]:
    """Begin to send to the rank ahead and to receive from the rank behind."""
    rank, size = group.rank(), group.size()
    operations = [
        dist.P2POp(call, tensor, group=group, tag=tag, group_peer=peer)
        for call, tensors, peer in ((dist.isend, out, (rank + 1) % size), (dist.irecv, into, (rank - 1) % size))
        for tag, tensor in enumerate(tensors)
        if tensor is not None and tensor.numel()
    ]
    return dist.batch_isend_irecv(operations) if operations else []


def _wait(works: Sequence[dist.Work]) -> None:
    for work in works:
        work.wait()


def _cut(rows: Sequence[int]) -> list[list[int]]:
    """Rows of each rank's pieces, as ``tensor_split`` cuts them."""
    return [[count // PIECES + (piece < count % PIECES) for piece in range(PIECES)] for count in rows]
