"""Climbing on tensors where they are: Gram matrices by torch, absolute errors by an op, the search on the host."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ctk.blend.cells import Cell, Cells
from ctk.blend.climb import Options, RunningClimb
from ctk.blend.inputs import ClimbInputs, check_shapes, refuse_not_finite, to_array
from ctk.blend.polish import polish
from ctk.blend.scores import SQUARED, WEIGHTED, ClimbMetric, Floats
from ctk.blend.simplex import SimplexOptions, begin
from ctk.blend.tasks import ClimbTask, Squared, Start
from ctk.ops.arguments import check_dense
from ctk.ops.slopes import absolute_slopes

CHUNK = 1 << 24
"""Numbers in double that are held at a time: 128 MiB."""

SHARES = 16
"""Shares that one pass tries: each pass makes the bracket that much narrower."""


def wanted(predictions: Sequence[Any] | Any, metric: ClimbMetric) -> bool:
    """Whether predictions are tensors that the engine cannot read where they lie, and the metric is known here."""
    first = predictions[0] if len(predictions) else None
    if not isinstance(first, Tensor) or metric.call is not None or metric.name not in WEIGHTED:
        return False
    return first.device.type != "cpu" or first.dtype in (torch.bfloat16, torch.float16)


def make_task(
    metric: ClimbMetric,
    predictions: Sequence[Tensor] | Tensor,
    target: Any,
    groups: Sequence[Any] | None,
    columns: Sequence[Any] | None,
    weigh: Callable[[int], Floats],
) -> tuple[ClimbTask, Cells, int]:
    """The task, its cells and the number of members; weigh gives the columns' weights."""
    first = predictions[0]
    for name, each in (
        *((f"member {number}", member) for number, member in enumerate(predictions)),
        ("target", target),
    ):
        if isinstance(each, Tensor):
            check_dense(name, each)
    members = [torch.as_tensor(member, device=first.device).detach() for member in predictions]
    y = torch.as_tensor(target, device=first.device).detach()
    if y.is_complex():
        raise ValueError(f"target is {y.dtype}: real numbers are needed")
    check_shapes([tuple(member.shape) for member in members], tuple(y.shape), metric)
    if y.ndim == 2 and y.shape[1] == 1:
        members, y = [member[:, 0] for member in members], y[:, 0]
    data = ClimbInputs(members, y)  # type: ignore[arg-type]  # tensors, which have what is asked of data here
    cells = Cells.find(data, groups, columns)
    weights = weigh(data.columns)
    if metric.name in SQUARED:
        return Squared(metric, data, cells, weights, gram, _refuse), cells, len(members)
    return _AbsoluteTask(members, y, cells, weights), cells, len(members)


def gram(
    members: Sequence[Tensor], target: Tensor, order: Any | None, starts: Sequence[int]
) -> tuple[Floats, Floats, Floats]:
    """Gram matrices of the residuals, and the columns' moments: see ``reference.gram``, of which this is the twin."""
    y = target.reshape(len(target), -1)
    flat = [member.reshape(y.shape) for member in members]
    places = None if order is None else torch.as_tensor(order, device=y.device)
    columns = y.shape[1]
    grams = y.new_zeros((len(starts) - 1, columns, len(flat), len(flat)), dtype=torch.float64)
    rows_at_once = max(1, CHUNK // (columns * (len(flat) + 1)))
    for group in range(len(starts) - 1):
        for first in range(starts[group], starts[group + 1], rows_at_once):
            rows = slice(first, min(first + rows_at_once, starts[group + 1]))
            chosen = rows if places is None else places[rows]
            part = torch.stack([member[chosen].double() - y[chosen].double() for member in flat], dim=1)
            by_column = part.permute(2, 1, 0)  # (T, M, rows)
            grams[group] += by_column @ by_column.mT
    shifted = y.double() - y[0].double()
    mean = shifted.mean(dim=0)
    squares = (shifted - mean).square().sum(dim=0)
    return grams.cpu().numpy(), (mean + y[0].double()).cpu().numpy(), squares.cpu().numpy()


class _Absolute:
    """sum |w' residuals|, residuals (M, n) on any device; all members' shares are bracketed together."""

    def __init__(self, residuals: Tensor) -> None:
        self.residuals = residuals

    def alone(self) -> Floats:
        return np.array([each.abs().sum(dtype=torch.float64).item() for each in self.residuals])

    def blend(self, weights: Floats) -> float:
        self.mixed = torch.zeros_like(self.residuals[0])
        for weight, each in zip(weights.tolist(), self.residuals, strict=True):
            if weight:
                self.mixed += weight * each
        return float(self.mixed.abs().sum(dtype=torch.float64))

    def search(self, members: Sequence[int], low: float, high: float) -> tuple[float, int, float]:
        chosen = self.residuals if len(members) == len(self.residuals) else self.residuals[list(members)]
        losses, shares = bracketed(self.mixed, chosen, low, high)
        winner = int(losses.argmin())
        return float(losses[winner]), members[winner], float(shares[winner])

    def polish(self, weights: Floats, free: Sequence[int]) -> Floats | None:
        found = polish(weights[free], self.residuals.shape[1], _Polished(self, free))
        if found is None:
            return None
        better = weights.copy()
        better[free] = found
        return better


class _Polished:
    """Some members' residuals, as polishing wants them."""

    def __init__(self, absolute: _Absolute, free: Sequence[int]) -> None:
        self.absolute = absolute
        self.errors = absolute.residuals if len(free) == len(absolute.residuals) else absolute.residuals[list(free)]
        self.loss = float(absolute.mixed.abs().sum(dtype=torch.float64))

    def near(self, count: int) -> tuple[Floats, Floats]:
        mixed = self.absolute.mixed
        places = mixed.abs().topk(count, largest=False, sorted=True).indices
        e = mixed[places].double()
        return e.cpu().numpy(), (self.errors[:, places].double() - e).cpu().numpy()

    def slopes(self) -> Floats:
        mixed = self.absolute.mixed
        signs = torch.where(torch.signbit(mixed), -1.0, 1.0).to(mixed.dtype)
        sums = [((each - mixed) * signs).sum(dtype=torch.float64) for each in self.errors]
        slopes: Floats = torch.stack(sums).cpu().numpy()
        return slopes

    def move(self, change: Floats) -> float:
        aim = self.absolute.mixed.clone()
        for part, each in zip(change.tolist(), self.errors, strict=True):
            aim += part * each
        losses, shares = bracketed(self.absolute.mixed, aim[None], -1, 4)
        if not losses[0] < self.loss:
            return 0.0
        self.loss, share = float(losses[0]), float(shares[0])
        self.absolute.mixed = self.absolute.mixed + share * (aim - self.absolute.mixed)
        return share


def bracketed(blend: Tensor, members: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    """Least sum of |blend + share * (member - blend)|, share in [low, high], and that share: (M,) each, on the host.

    blend (n,), members (M, n). All members' brackets shrink together, to a part of SHARES - 1 with each pass.
    """
    bracket = torch.tensor([[low, high]] * len(members), dtype=torch.float64)
    best, at = torch.full((len(members),), math.inf, dtype=torch.float64), bracket[:, 0].clone()
    parts = torch.linspace(0, 1, SHARES, dtype=torch.float64)
    while bool((bracket[:, 1] - bracket[:, 0]).max() > 1e-9 * (high - low)):
        shares = bracket[:, :1] + parts * (bracket[:, 1:] - bracket[:, :1])
        values, slopes = (each.cpu() for each in absolute_slopes(blend, members, shares.to(members.device)))
        least, place = values.min(dim=1)
        at = torch.where(least < best, shares.gather(1, place[:, None])[:, 0], at)
        best = torch.minimum(best, least)
        # slopes rise along the shares: the least value lies after the last that falls
        falling = (slopes < 0).sum(dim=1, keepdim=True)
        ends = torch.cat([falling - 1, falling], dim=1).clamp(0, SHARES - 1)
        bracket = shares.gather(1, ends)
    return best, at


class _AbsoluteTask:
    probabilities = False

    def __init__(self, members: list[Tensor], target: Tensor, cells: Cells, weights: Floats) -> None:
        self.cells, self.weights = cells, weights
        self.numbers = target.numel()
        wide = torch.float64 if members[0].dtype == torch.float64 else torch.float32
        self.residuals = torch.stack([member.to(wide) - target.to(wide) for member in members])
        if not bool(torch.isfinite(self.residuals).all()):
            _refuse(ClimbInputs(members, target))  # type: ignore[arg-type]
            raise ValueError(f"errors are too large for {wide}: scale predictions and target down")

    def start(self, cell: Cell) -> tuple[Start, Callable[[Floats], Floats]]:
        residuals = self.residuals
        weights = self.weights if cell.columns is None else self.weights[cell.columns]
        if cell.rows is not None:
            residuals = residuals[:, torch.as_tensor(cell.rows, device=residuals.device)]
        if cell.columns is not None:
            residuals = residuals[..., torch.as_tensor(cell.columns, device=residuals.device)]
        if np.ptp(weights) > 0:
            residuals = residuals * torch.as_tensor(weights / weights.mean(), device=residuals.device).to(residuals)
        flat = residuals.reshape(len(residuals), -1)

        def start(options: Options | SimplexOptions) -> RunningClimb:
            return begin(_Absolute(flat), options)

        return start, lambda losses: losses / flat.shape[1]

    def score(self, weights: Floats) -> float:
        total: Tensor | float = 0.0
        for number, residual in enumerate(self.residuals):
            total = total + residual.double() * torch.as_tensor(
                self.cells.spread(weights[..., number], residual.ndim), device=residual.device
            )
        assert isinstance(total, Tensor)
        by_column = total.abs().reshape(len(total), -1).mean(dim=0).cpu().numpy()
        return float(by_column @ self.weights)


def _refuse(data: ClimbInputs) -> None:
    refuse_not_finite(ClimbInputs([to_array(member) for member in data.members], to_array(data.target)))
