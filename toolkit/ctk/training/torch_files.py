"""Files of tensors."""

from __future__ import annotations

import pickle
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from ctk.errors import DamagedError
from ctk.files import atomic, reading

HELP = "Was it moved or damaged? Fit the member anew."


def save_tensors(value: Any, path: Path) -> None:
    """Write what ``torch.load`` reads, whole or not at all. Raises CtkError where the disk is full.

    It is made in memory, for on a full disk torch's own writer ends in a RuntimeError about positions in the file.
    """
    made = BytesIO()
    torch.save(value, made)
    with atomic(path) as temporary:
        temporary.write_bytes(made.getbuffer())


def load_tensors(path: Path) -> Any:
    """Read what ``save_tensors`` wrote, on the CPU: tensors and plain values.

    Raises DamagedError where a checksum is wrong, which torch does not look at, and for pickled code, which is not run.
    """
    with reading(path, HELP) as file:
        with zipfile.ZipFile(file) as archive:
            wrong = archive.testzip()
            if wrong is not None:
                raise ValueError(f"the checksum of its {wrong} is wrong")
        file.seek(0)
        try:
            return torch.load(file, weights_only=True, map_location="cpu")
        except pickle.UnpicklingError as error:  # whose text says how to run it all the same
            raise DamagedError(f"{path}: holds more than tensors, or is damaged; none of it was run.", HELP) from error
