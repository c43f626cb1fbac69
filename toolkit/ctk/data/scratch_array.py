"""Arrays larger than memory that nobody needs tomorrow."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from ctk.files import cache_folder, check_room, explaining
from ctk.samples import Array

LARGE = 1 << 28
"""Bytes from which on an array is a file: 256 MB."""


def allocate_scratch(shape: Sequence[int], dtype: DTypeLike, what: str) -> Array:
    """Make an array to fill: in memory, or, where it is large, in an unnamed file of the cache that goes with it.

    A file's room is taken now: a full disk is an error here, and would be a signal once it is mapped. ``what`` needs
    it, for people. Raises CtkError where there is no room.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < LARGE:
        return np.empty(shape, dtype)
    folder = cache_folder() / "scratch"
    check_room(folder, size, what)
    with explaining(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:  # the mapping keeps it while it is used
            os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, dtype, "r+", shape=tuple(shape))
