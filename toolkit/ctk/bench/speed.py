"""Which path each hot op takes on this machine, compiled or plain, and why; how much that brings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

SECONDS = 0.5
"""Spent on each of the two paths of an op; a doctor's visit is not a benchmark, which is `ctk bench`."""


def speed() -> dict[str, dict[str, Any]]:
    """Time each op that has a compiled path beside its reference, for about a second.

    returns  by op: what was computed, milliseconds of both paths (medians), and their ratio; or
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
        slow = _milliseconds(call)
    quick = _milliseconds(call)
    return {"case": case, "compiled_ms": quick, "plain_ms": slow, "ratio": slow / quick}


def _milliseconds(call: Callable[[], object]) -> float:
    """The median of half a second's calls; a GPU's are waited for."""
    import torch

    # It warns wherever no GPU is seen, and the benchmark imports it to compile C++, which is not done here.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    from torch.utils.benchmark import Timer

    timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())
    return 1e3 * timer.blocked_autorange(min_run_time=SECONDS).median


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
        yield f"info_nce{place}", f"forward and backward, {rows:,} pairs of 512", _info_nce(ops, x, y)
        targets = torch.arange(rows, device=device)
        yield (
            f"target_ranks{place}",
            f"{rows:,} queries among {rows:,} of 512",
            partial(ops.target_ranks, x, y, targets),
        )
        yield (
            f"topk{place}",
            f"best 10 of {rows:,} for {rows:,} queries of 512",
            partial(ops.topk, x, y, 10),
        )
    if engine.native is not None:
        random = np.random.default_rng(0)
        target = random.standard_normal(20_000)
        members = target + random.standard_normal((8, 20_000))
        yield "hill_climb", "8 members, 20,000 rows, r2", partial(blend.hill_climb, members, target, "r2")


def _info_nce(ops: Any, x: Any, y: Any) -> Callable[[], object]:
    x, y = (each / each.norm(dim=1, keepdim=True) for each in (x, y))
    x.requires_grad_()
    y.requires_grad_()

    def call() -> None:
        x.grad = y.grad = None
        ops.info_nce(x, y, 100.0).backward()

    return call


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
