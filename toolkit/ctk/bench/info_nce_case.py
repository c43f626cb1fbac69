"""InfoNCE, forward and backward: loss and gradients of both sides and of the scale, from embeddings that are there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ctk.bench import clip_losses, products
from ctk.bench.bench_case import BenchCase, Contestant, Run, Verdict
from ctk.bench.clip_losses import SCALE, Loss
from ctk.ops import info_nce

MB = 1_000_000
GPU_ROWS = [1 << power for power in range(10, 18)]
GPU_WIDTHS = (512, 768, 1536)


def cases(device: str, small: bool) -> dict[str, Callable[[], BenchCase]]:
    """See ctk.bench.cases."""
    if small:
        return {"B=96 D=40": partial(on_cpu if device == "cpu" else on_gpu, 96, 40 if device == "cpu" else 512, 1.0)}
    if device == "cuda":
        return {name(rows, width): partial(on_gpu, rows, width, 3.0) for width in GPU_WIDTHS for rows in GPU_ROWS}
    return {
        name(4096, 1536): partial(on_cpu, 4096, 1536, 60.0),
        name(8192, 768): partial(on_cpu, 8192, 768, 100.0, memory=True),
    }


def name(rows: int, width: int) -> str:
    """The name of a case in the table."""
    return f"B={rows:,} D={width:,}"


def pairs(rows: int, width: int) -> tuple[Tensor, Tensor]:
    """Unit vectors, of which each pair is half alike, as in the middle of training."""
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(rows, width, generator=generator) for _ in range(2))
    return torch.nn.functional.normalize(x), torch.nn.functional.normalize(x + y)


def on_cpu(rows: int, width: int, seconds: float, memory: bool = False) -> BenchCase:
    """float32, and the same vectors under bfloat16 autocast."""
    x, y = pairs(rows, width)
    contestants = [
        Contestant("three products, torch", partial(products.of_torch, x, y), "floor"),
        Contestant("three products, numpy", partial(products.of_numpy, x, y)),
        Contestant("three products, torch bfloat16", partial(products.of_torch, x.bfloat16(), y.bfloat16())),
        *(_contestant(f"ctk, {limit} MB", _ours(limit * MB), x, y, role="ctk") for limit in (16, 128)),
        _contestant("ctk, 128 MB, bfloat16 autocast", _ours(128 * MB), x, y, role="ctk", autocast=True),
        _contestant("open_clip ClipLoss", clip_losses.open_clip, x, y),
        Contestant("open_clip ClipLoss, torch.compile", partial(_compiled, x, y)),
        _contestant("open_clip ClipLoss, bfloat16 autocast", clip_losses.open_clip, x, y, autocast=True),
        Contestant("torch tiles, recomputing", lambda: partial(clip_losses.tiles, x, y, SCALE, 16 * MB, keep=False)),
        Contestant("torch tiles, keeping", lambda: partial(clip_losses.tiles, x, y, SCALE, 16 * MB, keep=True)),
    ]
    return BenchCase(name(rows, width), "cpu", contestants, judge(x, y), seconds, memory)


def on_gpu(rows: int, width: int, seconds: float) -> BenchCase:
    """bfloat16 vectors. The floor is 8 B^2 D operations at the rate of a large product."""
    x, y = (each.to("cuda", torch.bfloat16) for each in pairs(rows, width))
    operations = 8 * rows**2 * width
    contestants = [
        Contestant(
            "8 B²D at the bfloat16 product's rate",
            products.large_bfloat16,
            "floor",
            scale=operations / products.LARGE_OPERATIONS,
        ),
        _contestant("ctk", _ours(None), x, y, role="ctk"),
        _contestant("open_clip ClipLoss", clip_losses.open_clip, x, y),
        Contestant("open_clip ClipLoss, torch.compile", partial(_compiled, x, y)),
        _contestant("memeff", clip_losses.memeff, x, y),
        _contestant("inf-cl", clip_losses.inf_cl, x, y),
    ]
    return BenchCase(name(rows, width), "cuda", contestants, judge(x, y), seconds, memory=True)


def judge(x: Tensor, y: Tensor) -> Callable[[tuple[Tensor | None, ...]], Verdict]:
    """Score is the loss; error the largest difference from float64, relative to the loss or a gradient's largest entry.

    Of gradients that an answer has not (None) nothing is said.
    """
    exact: list[tuple[Tensor, ...]] = []

    def compare(answer: tuple[Tensor | None, ...]) -> Verdict:
        if not exact:
            exact.append(clip_losses.tiles(x.double(), y.double(), SCALE, 512 * MB, keep=False))
        errors = [
            float((given.double() - true).abs().max() / true.abs().max())
            for given, true in zip(answer, exact[0], strict=True)
            if given is not None
        ]
        assert answer[0] is not None
        return Verdict(score=float(answer[0]), error=max(errors))

    return compare


def _ours(memory_limit: int | None) -> Callable[[], Loss]:
    return lambda: partial(info_nce, memory_limit=memory_limit)


def _contestant(
    name: str, find: Callable[[], Loss], x: Tensor, y: Tensor, *, role: str = "peer", autocast: bool = False
) -> Contestant:
    return Contestant(name, lambda: _training(find(), x, y, autocast), "ctk" if role == "ctk" else "peer")


def _compiled(x: Tensor, y: Tensor) -> Run:
    run = _training(clip_losses.open_clip_compiled(), x, y, autocast=False)
    run()  # compiles
    return run


def _training(loss_of: Loss, x: Tensor, y: Tensor, autocast: bool) -> Run:
    x, y = x.detach().requires_grad_(), y.detach().requires_grad_()
    scale = torch.tensor(SCALE, device=x.device, requires_grad=True)

    def run() -> tuple[Tensor | None, ...]:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=autocast):
            loss = loss_of(x, y, scale)
        return loss.detach(), *torch.autograd.grad(loss, (x, y, scale), allow_unused=True)

    return run
