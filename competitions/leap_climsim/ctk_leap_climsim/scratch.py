"""Arrays larger than memory that nobody needs tomorrow."""

from __future__ import annotations

import os
import tempfile

import numpy as np

from ctk.files import cache_folder, check_room, explain
from ctk.samples import Array


def scratch(shape: tuple[int, ...], what: str) -> Array:
    """A float64 array of zeros in an unnamed file below the cache folder, which is gone when the array is.

    Its room is taken now, so that no later write can fail for want of it. Raises CtkError where there is none.
    """
    folder = cache_folder() / "scratch"
    size = 8 * int(np.prod(shape))
    check_room(folder, size, what)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, max(1, size))
            return np.memmap(file, np.float64, "r+", shape=shape) if size else np.zeros(shape)
    except OSError as error:
        raise explain(error, folder) from error
