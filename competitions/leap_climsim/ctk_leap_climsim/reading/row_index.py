"""Which training rows are taken: their numbers in a file, as a sample of all rows is handed on."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from ctk.errors import DataError
from ctk.samples import Array

HELP = "It holds one tensor or array of whole numbers: training rows, counted from 0 in the order of the files."


class RowIndex:
    """The numbers of the training rows that are taken, counted from 0 in the order of the files; None takes all.

    path  a tensor that torch saved (.pt, of which nothing but tensors is read), or a .npy
    memory  8 bytes a row
    Raises DataError for a file that is not one list of whole numbers from 0 on, none twice.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.rows = np.empty(0, np.int64) if path is None else np.sort(_read(path))
        if path is None:
            return
        if not len(self.rows) or self.rows[0] < 0:
            problem = f"row {self.rows[0]} is none" if len(self.rows) else "there are no rows"
            raise DataError(f"{path}: {problem}.", HELP)
        if (again := self.rows[1:] == self.rows[:-1]).any():
            raise DataError(f"{path}: row {self.rows[int(again.argmax())]:,} is there twice.", HELP)

    def take(self, rows: Array) -> Array:
        """(n,) bool: which of (n,) row numbers are taken."""
        if self.path is None:
            return np.ones(len(rows), bool)
        places = np.searchsorted(self.rows, rows)
        return np.asarray(self.rows[np.minimum(places, len(self.rows) - 1)] == rows)

    def check(self, count: int) -> None:
        """Raise DataError for a number beyond so many training rows."""
        if self.path is not None and self.rows[-1] >= count:
            problem = f"{self.path}: row {self.rows[-1]:,} is beyond the {count:,} training rows."
            raise DataError(problem, "Give the files that it was made for.")


def _read(path: Path) -> Array:
    try:
        if path.suffix == ".npy":
            found: Array = np.load(path, allow_pickle=False)
        else:
            import torch  # late: reading tables needs none

            tensor = torch.load(path, weights_only=True, map_location="cpu")
            found = tensor.numpy() if isinstance(tensor, torch.Tensor) else np.array(None)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.", "Look at -o data.rows.") from None
    except pickle.UnpicklingError:  # whose text says how to run it all the same
        raise DataError(f"{path}: holds more than tensors, or is damaged; none of it was run.", HELP) from None
    except Exception as error:  # damaged bytes bring anything
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:80].rstrip(".")
        raise DataError(f"{path}: cannot be read ({reason}).", HELP) from None
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise DataError(f"{path}: holds {found.dtype} of shape {found.shape}.", HELP)
    return found.astype(np.int64)
