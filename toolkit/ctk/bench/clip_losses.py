"""Peers of ctk.ops.info_nce. Each finder imports its peer and gives loss(x, y, logit_scale)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

SCALE = 1 / 0.07
"""CLIP's logit scale at the start of training (Radford et al. 2021, arXiv:2103.00020)."""


def open_clip() -> Loss:
    """ClipLoss of open_clip_torch: both matrices of logits, a cross entropy each."""
    loss: Loss = _open_clip_file().ClipLoss()
    return loss


def open_clip_compiled() -> Loss:
    """open_clip's loss through torch.compile, for one shape."""
    torch.compiler.reset()
    loss: Loss = torch.compile(_open_clip_file().ClipLoss(), dynamic=False)
    return loss


def memeff() -> Loss:
    """memeff's Triton kernels; with a logit scale that does not learn, and the plain gradient's scale."""
    from memeff import MemoryEfficientCLIPLoss

    module = MemoryEfficientCLIPLoss(temperature=1 / SCALE, normalized_inputs=True, stable=False)

    def loss(x: Tensor, y: Tensor, scale: Tensor) -> Tensor:
        value: Tensor = module(x, y)
        return value

    return loss


def inf_cl() -> Loss:
    """Inf-CL's Triton kernels on one GPU, once a direction."""
    from inf_cl import cal_flash_loss

    def loss(x: Tensor, y: Tensor, scale: Tensor) -> Tensor:
        there: Tensor = cal_flash_loss(x, y, scale=scale)
        back: Tensor = cal_flash_loss(y, x, scale=scale)
        return (there.mean() + back.mean()) / 2

    return loss


def tiles(x: Tensor, y: Tensor, scale: float, tile_bytes: int, keep: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What one writes in plain torch to save memory: loss and gradients of x, y and scale, from tiles of whole rows.

    keep  hold the logits until backward, B x B of them, instead of computing them again
    """
    count = len(x)
    starts = range(0, count, max(1, tile_bytes // (count * x.element_size())))
    parts = [slice(start, min(start + starts.step, count)) for start in starts]
    row_mass, column_mass = x.new_empty(count), x.new_full((count,), -torch.inf)
    kept: list[Tensor] = []
    for part in parts:
        logits = (x[part] @ y.T).mul_(scale)
        row_mass[part] = logits.logsumexp(1)
        column_mass = torch.logaddexp(column_mass, logits.logsumexp(0))
        if keep:
            kept.append(logits)
    loss = (row_mass + column_mass).mean() / 2 - (x * y).sum(1).mean() * scale

    of_x, of_y = torch.empty_like(x), torch.zeros_like(y)
    for number, part in enumerate(parts):
        logits = kept[number] if keep else (x[part] @ y.T).mul_(scale)
        slopes = (logits - row_mass[part, None]).exp_()
        slopes += logits.sub_(column_mass).exp_()
        slopes.diagonal(part.start).sub_(2)
        torch.mm(slopes, y, out=of_x[part])
        of_y.addmm_(slopes.T, x[part])
    of_x *= scale / (2 * count)
    of_y *= scale / (2 * count)
    return loss, of_x, of_y, (x * of_x).sum() / scale  # logits are scale x.y, so both derivatives share a sum


def _open_clip_file() -> ModuleType:
    """open_clip/loss.py alone: the package around it imports torchvision and timm, which a loss has no use for."""
    package = find_spec("open_clip")
    if package is None or package.origin is None:
        raise ImportError("open_clip_torch is not installed")
    name = "ctk_bench_open_clip_loss"
    if name not in sys.modules:
        spec = spec_from_file_location(name, Path(package.origin).with_name("loss.py"))
        if spec is None or spec.loader is None:
            raise ImportError("open_clip has no loss.py")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]
