"""Whether the files of a run can be opened without unpickling: a pickle runs whatever its maker put into it."""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np

PICKLES = (".pkl", ".pickle", ".joblib", ".dill")


def find_unsafe(folder: Path) -> Iterator[str]:
    """A sentence for each file below a folder that only unpickling opens, by its content whatever its suffix."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        if problem := _problem(path):
            yield f"{path.relative_to(folder)}, {problem}"


def _problem(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(8)
    if path.suffix in PICKLES or _is_pickle(path, head):
        return "which is a pickle"
    if head.startswith(b"\x93NUMPY"):
        return _numpy(path)
    if head.startswith(b"PK"):
        try:
            names = zipfile.ZipFile(path).namelist()
        except zipfile.BadZipFile:
            return ""
        if any(name.endswith(".pkl") for name in names):
            return _torch(path)
        if any(name.endswith(".npy") for name in names):
            return _numpy(path)
    return ""


def _numpy(path: Path) -> str:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                assert arrays[name] is not None
    except AttributeError:  # an .npy is an array, and closes nothing
        return ""
    except (TypeError, ValueError) as error:
        return f"which holds objects: {error}" if "allow_pickle" in str(error) else ""
    return ""


def _torch(path: Path) -> str:
    import torch

    try:
        torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:
        return f"which torch does not load with weights_only=True: {str(error).splitlines()[0]}"
    return ""


def _is_pickle(path: Path, head: bytes) -> bool:
    """Protocol 2 and later begin with a PROTO opcode; whether the rest are opcodes too is looked at."""
    if len(head) < 2 or head[0] != 0x80 or not 2 <= head[1] <= 5:
        return False
    try:
        for _ in pickletools.genops(BytesIO(path.read_bytes())):
            pass
    except Exception:
        return False
    return True
