"""InfoNCE without the matrix: tiles of logits, each used and forgotten. Kernels in csrc/info_nce."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ctk.ops import native, reference
from ctk.ops.arguments import Integers, as_integers, check_dense, require_rows
from ctk.ops.library import autograd, define, fake
from ctk.ops.tiling import plan_tiling

KERNEL_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
SAVED = 5
"""Rows that the forward op saves of each direction for backward, each kernel in its own way: highest logit, log mass,
weight, pull of positives, smoothing."""

define(
    "info_nce(Tensor query, Tensor key, Tensor logit_scale, Tensor query_classes, Tensor key_classes,"
    " float label_smoothing, bool symmetric, int tile_rows, int tile_columns, int kept)"
    " -> (Tensor loss, Tensor query_side, Tensor key_side, Tensor tiles)"
)
define(
    "info_nce_backward(Tensor gradient, Tensor query, Tensor key, Tensor logit_scale, Tensor query_classes,"
    " Tensor key_classes, Tensor query_side, Tensor key_side, Tensor tiles, int tile_rows, int tile_columns,"
    " bool of_query, bool of_key) -> (Tensor query_gradient, Tensor key_gradient, Tensor scale_gradient)"
)


def info_nce(
    query: Tensor,
    key: Tensor,
    logit_scale: float | Tensor,
    *,
    query_ids: Integers | None = None,
    key_ids: Integers | None = None,
    label_smoothing: float = 0.0,
    symmetric: bool = True,
    memory_limit: int | None = None,
    check: bool = False,
) -> Tensor:
    """Mean contrastive loss of queries against keys; a pair with the same id is a positive.

    query        (B, D) float32, bfloat16, float16 or float64; key (K, D), same dtype and device. Normalise first for
                 cosine similarity. Under autocast both are cast to its dtype, but for float64.
    logit_scale  inverse temperature: a float, or a 0-d tensor that gets its gradient
    query_ids    (B,) and key_ids (K,): tensors of integers on the vectors' device, arrays or lists; without them the
                 diagonal is positive, then B = K. Rows without any positive do not count.
    label_smoothing  share of the target spread evenly over all keys
    symmetric    average of the query-to-key and the key-to-query direction
    memory_limit bytes of logits held at a time, forward and backward; None is 32 MiB, and 512 MiB on a GPU. What fits
                 is kept for backward, the rest is computed again. float64 inputs, and a machine without our kernels,
                 hold all B x K.
    check        look at the inputs and the loss, and raise ValueError naming the row instead of giving NaN. It costs a
                 pass over the inputs, and on a GPU waiting for it; inside torch.compile nothing is looked at
    returns      0-d float32 (float64 of float64). With several positives a row's loss is minus the mean log-probability
                 over them (Khosla et al. 2020, arXiv:2004.11362, their "outside" form); with one it is van den Oord et
                 al. 2018, arXiv:1807.03748. NaN if an input has NaN or infinity, or if no row has a positive.
    raises       ValueError for shapes, dtypes and devices that do not fit; RuntimeError for a second derivative
    """
    query, key = cast(query), cast(key)
    ids = check_info_nce(query, key, logit_scale, query_ids, key_ids, label_smoothing)
    classes = _classes(query, key, *ids)
    check = check and not torch.compiler.is_compiling()
    if check:
        _check_rows(query, key, logit_scale, classes)
    loss = _loss(query, key, logit_scale, classes, label_smoothing, symmetric, memory_limit)
    if check and not bool(loss.isfinite()):
        row = int((query.double().norm(dim=1) * key.double().norm(dim=1).max()).argmax())
        raise ValueError(f"the loss is {float(loss)}: query row {row} has logits beyond float32; normalise the vectors")
    return loss


def _loss(
    query: Tensor,
    key: Tensor,
    logit_scale: float | Tensor,
    classes: tuple[Tensor, Tensor],
    label_smoothing: float,
    symmetric: bool,
    memory_limit: int | None,
) -> Tensor:
    kind = query.device.type
    if not native.serves(query) or query.dtype not in KERNEL_DTYPES:
        positive = classes[0][:, None] == classes[1][None, :]
        with torch.autocast(kind, enabled=False):
            return reference.info_nce(query, key, logit_scale, positive, label_smoothing, symmetric)
    scale = _scale(logit_scale, query.device)
    learns = torch.is_grad_enabled() and (query.requires_grad or key.requires_grad or scale.requires_grad)
    tiling = plan_tiling(len(query), len(key), memory_limit, kind, learns)
    loss: Tensor = torch.ops.ctk.info_nce(query, key, scale, *classes, label_smoothing, symmetric, *tiling)[0]
    return loss


def cast(vectors: Tensor) -> Tensor:
    """Cast inputs as autocast does for a product: to its dtype, but for float64. ValueError for what is no tensor."""
    if not isinstance(vectors, Tensor):
        raise ValueError(f"query and key are tensors, not {type(vectors).__name__}")
    kind = vectors.device.type
    available = torch.amp.is_autocast_available(kind)
    if vectors.dtype in KERNEL_DTYPES and available and torch.is_autocast_enabled(kind):
        return vectors.to(torch.get_autocast_dtype(kind))
    return vectors


def _scale(logit_scale: float | Tensor, device: torch.device) -> Tensor:
    """As a float32 tensor on the device; a number is filled in there, as copying it would wait for a GPU."""
    if isinstance(logit_scale, Tensor):
        return logit_scale.to(device, torch.float32)
    return torch.full((), logit_scale, dtype=torch.float32, device=device)


def check_info_nce(
    query: Tensor,
    key: Tensor,
    logit_scale: float | Tensor,
    query_ids: Integers | None,
    key_ids: Integers | None,
    label_smoothing: float,
) -> tuple[Tensor | None, Tensor | None]:
    """Return the ids as int64 on the vectors' device. Raises ValueError for what of ``info_nce`` does not fit."""
    if query.ndim != 2 or key.ndim != 2 or query.shape[1] != key.shape[1]:
        raise ValueError(f"query (B, D) and key (K, D) are needed, not {tuple(query.shape)} and {tuple(key.shape)}")
    if query.dtype != key.dtype or not query.is_floating_point():
        raise ValueError(f"query and key need one floating dtype, not {query.dtype} and {key.dtype}")
    if query.device != key.device:
        raise ValueError(f"query is on {query.device} and key on {key.device}; they need to be on one device")
    check_dense("query", query)
    check_dense("key", key)
    if isinstance(logit_scale, Tensor) and logit_scale.ndim != 0:
        raise ValueError(f"logit_scale is a float or a 0-d tensor, not of shape {tuple(logit_scale.shape)}")
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing is at least 0 and below 1, not {label_smoothing}")
    if query_ids is None and key_ids is None:
        if len(query) != len(key):
            raise ValueError(f"{len(query)} queries and {len(key)} keys need ids to say which belong together")
        return None, None
    if query_ids is None or key_ids is None:
        raise ValueError("query_ids and key_ids come together")
    return (
        as_integers("query_ids", query_ids, len(query), query.device),
        as_integers("key_ids", key_ids, len(key), query.device),
    )


def _check_rows(query: Tensor, key: Tensor, logit_scale: float | Tensor, classes: tuple[Tensor, Tensor]) -> None:
    """Raise ValueError for the first row with NaN or infinity, and where no row has a positive."""
    require_rows(query.isfinite().all(1), "query row {} has NaN or infinity")
    require_rows(key.isfinite().all(1), "key row {} has NaN or infinity")
    if not math.isfinite(logit_scale):
        raise ValueError(f"logit_scale is {float(logit_scale)}; a finite number is needed")
    if not bool(torch.isin(classes[0], classes[1]).any()):
        raise ValueError("no query row, from row 0 on, has a positive: none of their ids is a key's")


def _classes(query: Tensor, key: Tensor, query_ids: Tensor | None, key_ids: Tensor | None) -> tuple[Tensor, Tensor]:
    if query_ids is None or key_ids is None:
        diagonal = torch.arange(len(query), dtype=torch.int32, device=query.device)
        return diagonal, diagonal
    return equal_classes(query_ids, key_ids)


def equal_classes(query_ids: Tensor, key_ids: Tensor) -> tuple[Tensor, Tensor]:
    """Ids as int32 that are equal where ids are; -1 for a query whose id no key has."""
    if len(key_ids) == 0:
        return torch.full_like(query_ids, -1, dtype=torch.int32), key_ids.to(torch.int32)
    known = key_ids.sort().values
    of_key = torch.searchsorted(known, key_ids)
    of_query = torch.searchsorted(known, query_ids).clamp_(max=len(key_ids) - 1)
    of_query = torch.where(known[of_query] == query_ids, of_query, -1)
    return of_query.to(torch.int32), of_key.to(torch.int32)


@fake("info_nce")
def _fake(
    query: Tensor,
    key: Tensor,
    logit_scale: Tensor,
    query_classes: Tensor,
    key_classes: Tensor,
    label_smoothing: float,
    symmetric: bool,
    tile_rows: int,
    tile_columns: int,
    kept: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    def new(*shape: int) -> Tensor:
        return query.new_empty(shape, dtype=torch.float32)

    keys = key.shape[0] if symmetric else 0
    return new(), new(SAVED, query.shape[0]), new(SAVED, keys), new(kept, tile_rows * tile_columns)


@fake("info_nce_backward")
def _fake_backward(gradient: Tensor, query: Tensor, key: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    of_query, of_key = rest[-2:]

    def new(*shape: int) -> Tensor:
        return query.new_empty(shape, dtype=torch.float32)

    dimension = query.shape[1]
    return new(query.shape[0] if of_query else 0, dimension), new(key.shape[0] if of_key else 0, dimension), new()


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    query, key, scale, query_classes, key_classes, _, _, ctx.tile_rows, ctx.tile_columns, _ = inputs
    _, query_side, key_side, tiles = output
    ctx.mark_non_differentiable(query_side, key_side, tiles)
    ctx.set_materialize_grads(False)  # else backward makes zeros of the size of the tiles
    ctx.save_for_backward(query, key, scale, query_classes, key_classes, query_side, key_side, tiles)


def _backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    of_query, of_key, of_scale = ctx.needs_input_grad[:3]
    query, key, scale, *rest = ctx.saved_tensors
    gradients = torch.ops.ctk.info_nce_backward(
        gradient, query, key, scale, *rest, ctx.tile_rows, ctx.tile_columns, of_query, of_key
    )
    return (
        gradients[0].to(query.dtype) if of_query else None,
        gradients[1].to(key.dtype) if of_key else None,
        gradients[2] if of_scale else None,
        *[None] * 7,
    )


def _no_second(ctx: Any, *_: Tensor) -> tuple[Tensor | None, ...]:
    raise RuntimeError("info_nce has no second derivative; ctk.ops.reference.info_nce has")


autograd("info_nce", _backward, _save)
autograd("info_nce_backward", _no_second, lambda ctx, inputs, output: None)
