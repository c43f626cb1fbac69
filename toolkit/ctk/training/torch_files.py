"""Files of tensors."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from ctk.files import atomic


def save_tensors(value: Any, path: Path) -> None:
    """Write what ``torch.load`` reads, whole or not at all. Raises CtkError where the disk is full.

    It is made in memory, for on a full disk torch's own writer ends in a RuntimeError about positions in the file.
    """
    made = BytesIO()
    torch.save(value, made)
    with atomic(path) as temporary:
        temporary.write_bytes(made.getbuffer())
