"""InfoNCE over the rows of many processes: keys gathered at once, or passed on in a ring."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from ctk.ops import contrastive, native
from ctk.ops.across import gather, ring
from ctk.ops.across.agreement import DTYPES, agree
from ctk.ops.across.loss import Share, closed, mean
from ctk.ops.arguments import Integers

Way = Literal["auto", "gather", "ring"]
GATHER_LIMIT = 512 << 20
"""Bytes of all ranks' keys, and of their gradients, up to which "auto" gathers: what a GPU's logits may take, too."""


def info_nce_across(
    query: Tensor,
    key: Tensor,
    logit_scale: float | Tensor,
    *,
    query_ids: Integers | None = None,
    key_ids: Integers | None = None,
    label_smoothing: float = 0.0,
    symmetric: bool = True,
    memory_limit: int | None = None,
    group: dist.ProcessGroup | None = None,
    way: Way = "auto",
) -> Tensor:
    """``info_nce`` of the queries and keys of all ranks of a process group, each of which holds some rows of both.

    Every rank of the group calls it, with everything but the rows alike; how many rows each has may differ, and be 0.

    query        (B, D) and key (K, D), this rank's rows; dtypes, devices and ids as for ``info_nce``. Equal ids are
                 positives of each other whichever ranks hold them. Without ids the rank's own diagonal is positive.
    logit_scale  the same on every rank, as what a DDP module holds is
    memory_limit bytes of logits held at a time, as for ``info_nce``
    group        of processes; None is the default one. With one rank this is ``info_nce``.
    way          "gather": every rank holds all keys, and all their gradients in backward: two collectives a step.
                 "ring": keys go round in thirds of a rank's rows while the third before is worked on: never more of
                 other ranks' keys than one rank has, and in backward one rank's gradients beside them.
                 "auto": the gather while all keys and their float32 gradients take at most 512 MiB.
    returns      0-d float32 (float64 of float64), the same on every rank: the loss of one process with all rows.
                 Its gradient is that of the sum over ranks of what each makes of its loss: W times the loss's own for
                 W ranks that do the same with it. So each rank's own rows get W times the gradient of one process,
                 and the mean over ranks that DDP takes of a parameter's gradient is that of one process. Of a
                 logit_scale each rank gets its queries' part, which after that mean is whole as well.
    raises       ValueError, on every rank, for shapes, dtypes and options that do not fit or differ between ranks;
                 RuntimeError for a second derivative, and where a rank is gone

    Gathering features with their gradients is what open_clip's loss does (Cherti et al. 2023, arXiv:2212.07143); a
    ring that merges softmax sums block by block is Inf-CL's (Cheng et al. 2024, arXiv:2410.17243), and the passing on
    of blocks SigLIP's (Zhai et al. 2023, arXiv:2303.15343, section 3.3).
    """
    group = group or dist.group.WORLD
    assert group is not None
    problem: str | None = None
    ids: tuple[Tensor | None, Tensor | None] = (None, None)
    try:
        query, key = contrastive.cast(query), contrastive.cast(key)
        ids = contrastive.check_info_nce(query, key, logit_scale, query_ids, key_ids, label_smoothing)
        if way not in ("auto", "gather", "ring"):
            raise ValueError(f"way is auto, gather or ring, not {way}")
        if query.dtype not in DTYPES:
            raise ValueError(f"query and key are of {', '.join(map(str, DTYPES))}, not {query.dtype}")
    except ValueError as error:
        if group.size() == 1:
            raise
        problem = str(error)  # not the error: with its traceback it would keep this frame's tensors and group
    if group.size() == 1:
        return contrastive.info_nce(
            query,
            key,
            logit_scale,
            query_ids=query_ids,
            key_ids=key_ids,
            label_smoothing=label_smoothing,
            symmetric=symmetric,
            memory_limit=memory_limit,
        )
    learns = torch.is_grad_enabled()
    options = {
        "way": way,
        "label_smoothing": label_smoothing,
        "symmetric": symmetric,
        "memory_limit": memory_limit,
        "ids": query_ids is not None,
        "kernels": problem is None and _native(query),
        "logit_scale": None if isinstance(logit_scale, Tensor) else float(logit_scale),
        "query.requires_grad": learns and getattr(query, "requires_grad", False),
        "key.requires_grad": learns and getattr(key, "requires_grad", False),
        "logit_scale.requires_grad": learns and getattr(logit_scale, "requires_grad", False),
    }
    rows = agree(query, key, options, problem, group)
    if ids[0] is None or ids[1] is None:
        start = sum(rows.queries[: rows.rank])
        ids = (torch.arange(start, start + len(query), device=query.device),) * 2
    wide = torch.float64 if query.dtype == torch.float64 else torch.float32
    if not isinstance(logit_scale, Tensor):
        logit_scale = torch.full((), logit_scale, dtype=wide, device=query.device)
    if way == "auto":
        each = key.shape[1] * (key.dtype.itemsize + (wide.itemsize if options["key.requires_grad"] else 0))
        way = "gather" if sum(rows.keys) * each <= GATHER_LIMIT else "ring"
    share = Share(rows, group, label_smoothing, symmetric, memory_limit, _native(query))
    loss: Tensor = _Across.apply(
        query.contiguous(),
        key.contiguous(),
        logit_scale.to(query.device, wide),
        *ids,
        share,
        gather if way == "gather" else ring,
    )
    return loss


def _native(query: Tensor) -> bool:
    return native.serves(query) and query.dtype in contrastive.KERNEL_DTYPES


class _Across(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, scale: Tensor, query_ids: Tensor, key_ids: Tensor, share: Share, way: Any
    ) -> Tensor:
        query, key = query.detach(), key.detach()
        with torch.autocast(query.device.type, enabled=False):
            seen, kept = way.forward(query, key, scale, query_ids, key_ids, share)
            loss, counted = mean(query, key, scale, seen, share)
        query_side, key_side = closed(seen, counted, share)
        ctx.share, ctx.way, ctx.kept = share, way, kept
        ctx.save_for_backward(query, key, scale, query_ids, key_ids, query_side, key_side)
        return loss.to(scale.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        of_query, of_key, of_scale = ctx.needs_input_grad[:3]
        query, key, scale, *rest = ctx.saved_tensors
        gradient = gradient.clone()
        dist.all_reduce(gradient, group=ctx.share.group)
        with torch.autocast(query.device.type, enabled=False):
            gradients = ctx.way.backward(gradient, query, key, scale, *rest, ctx.share, ctx.kept, of_query, of_key)
        return (
            gradients[0].to(query.dtype) if of_query else None,
            gradients[1].to(key.dtype) if of_key else None,
            gradients[2] if of_scale else None,
            *[None] * 4,
        )
