"""Which path each hot op takes on this machine, compiled or plain, and why; how much that brings."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

SECONDS = 0.5
"""Spent on each of the two paths of an op; a doctor's visit is not a benchmark, which is `ctk bench`."""


def speed() -> dict[str, dict[str, Any]]:
    """Time each op that has a compiled path beside its reference, for about a second.

    returns  by op: what was computed, milliseconds of both paths (medians of alternating calls), and their ratio; or
             the problem of an op that fails
    """
    found: dict[str, dict[str, Any]] = {}
    for name, case, call in _cases():
        try:
            found[name] = _compare(case, call)
        except Exception as error:
            found[name] = {"case": case, "problem": f"{type(error).__name__}: {error}"}
    return found


def _compare(case: str, call: Callable[[], object]) -> dict[str, Any]:
    with _plain():
        call()
    call()  # the first call of each has allocations and code to fetch that later ones have not
    plain: list[float] = []
    compiled: list[float] = []
    while sum(plain) < SECONDS:
        with _plain():
            plain.append(_seconds(call))
        while sum(compiled) < sum(plain):  # as much time for the quick one as for the slow one, in the same weather
            compiled.append(_seconds(call))
    slow, quick = (1e3 * statistics.median(seconds) for seconds in (plain, compiled))
    return {"case": case, "compiled_ms": quick, "plain_ms": slow, "ratio": slow / quick}


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _cases() -> Iterator[tuple[str, str, Callable[[], object]]]:
    import numpy as np
    import torch

    from ctk import blend, ops
    from ctk.blend import engine
    from ctk.ops import native

    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        if native.problem(device) is not None:
            continue
        generator = torch.Generator().manual_seed(0)
        # Sizes at which one call of the slower path takes a tenth of a second on two cores, or a GPU is busy.
        rows = 1024 if device == "cpu" else 8192
        x, y = (torch.randn(rows, 512, generator=generator).to(device) for _ in range(2))
        place = "" if device == "cpu" else f" on {device}"
        yield f"info_nce{place}", f"forward and backward, {rows:,} pairs of 512", _info_nce(ops, x, y, device)
        targets = torch.arange(rows, device=device)
        yield (
            f"target_ranks{place}",
            f"{rows:,} queries among {rows:,} of 512",
            _synchronised(partial(ops.target_ranks, x, y, targets), device),
        )
        yield (
            f"topk{place}",
            f"best 10 of {rows:,} for {rows:,} queries of 512",
            _synchronised(partial(ops.topk, x, y, 10), device),
        )
    if engine.native is not None:
        random = np.random.default_rng(0)
        target = random.standard_normal(20_000)
        members = target + random.standard_normal((8, 20_000))
        yield "hill_climb", "8 members, 20,000 rows, r2", partial(blend.hill_climb, members, target, "r2")


def _info_nce(ops: Any, x: Any, y: Any, device: str) -> Callable[[], object]:
    x, y = (each / each.norm(dim=1, keepdim=True) for each in (x, y))
    x.requires_grad_()
    y.requires_grad_()

    def call() -> None:
        x.grad = y.grad = None
        ops.info_nce(x, y, 100.0).backward()

    return _synchronised(call, device)


def _synchronised(call: Callable[[], object], device: str) -> Callable[[], object]:
    """A GPU answers before it is done; a time means something after it has waited."""
    if device == "cpu":
        return call
    import torch

    def waited() -> None:
        call()
        torch.cuda.synchronize()

    return waited


@contextmanager
def _plain() -> Iterator[None]:
    """The references serve in this block, for blending too."""
    from ctk.blend import reference, tasks
    from ctk.ops import native

    compiled, tasks.engine = tasks.engine, reference  # type: ignore[attr-defined]
    try:
        with native.switched_off():
            yield
    finally:
        tasks.engine = compiled  # type: ignore[attr-defined]
