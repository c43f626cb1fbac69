"""The compiled kernels: loaded once, in silence; what could not be loaded is kept as a reason for `ctk doctor`."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import torch

FOLDER = Path(__file__).parent
RECORD = FOLDER / "_build.json"


@cache
def problem(device: str) -> str | None:
    """Why no compiled kernel serves tensors on a device; None where one does.

    device  a torch.device's type; "cpu" and "cuda" can have kernels

    The first call loads the library, so that its kernels stand behind torch.ops.ctk from then on. Without it the
    plain-torch reference serves. So it does with CTK_NATIVE=0 in the environment.
    """
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


def build_record() -> dict[str, Any]:
    """What setup.py wrote when it compiled the kernels (csrc/setup/record.py); empty where it never ran."""
    try:
        record = json.loads(RECORD.read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
