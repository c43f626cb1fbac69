"""The compiled kernels: loaded once, in silence; what could not be loaded is kept as a reason for `ctk doctor`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

FOLDER = Path(__file__).parent
RECORD = FOLDER / "_build.json"


def problem(device: str) -> str | None:
    """Why no compiled kernel serves tensors on a device ("cpu", "cuda", ...), in a few words; None where one does.

    Where none does the plain-torch reference serves. So it does with CTK_NATIVE=0 in the environment.
    """
    return _PROBLEMS.get(device, f"there are no kernels for {device}")


def serves(tensor: torch.Tensor) -> bool:
    """Whether a compiled kernel is there for tensors on this tensor's device."""
    return problem(tensor.device.type) is None


@contextmanager
def switched_off() -> Iterator[None]:
    """The reference serves in this block, as with CTK_NATIVE=0."""
    before = dict(_PROBLEMS)
    _PROBLEMS.update(dict.fromkeys(_PROBLEMS, "switched off"))
    try:
        yield
    finally:
        _PROBLEMS.update(before)


def build_record() -> dict[str, Any]:
    """What setup.py wrote when it compiled the kernels (csrc/setup/record.py); empty where it never ran."""
    try:
        record = json.loads(RECORD.read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _load(device: str) -> str | None:
    if os.environ.get("CTK_NATIVE") == "0":
        return "CTK_NATIVE=0 is set"
    path = FOLDER / f"_{device}.so"
    if not path.exists():
        return str(build_record().get("skipped", {}).get(device, "not built")).rstrip(".")
    if device == "cuda" and torch.version.cuda is None:
        return "this torch is built without CUDA"
    try:
        torch.ops.load_library(path)  # type: ignore[no-untyped-call]
    except OSError as error:
        return f"{path.name} does not load: {error.__cause__ or error}"
    return None


_PROBLEMS = {device: _load(device) for device in ("cpu", "cuda")}
"""Filled at import, not at first use, which may be inside torch.compile."""
