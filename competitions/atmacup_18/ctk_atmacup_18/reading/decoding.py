"""Pictures into arrays: several at a time, in threads, for the decoder leaves Python's lock alone.

Measured beside PIL by bench/decode.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np

from ctk.data import open_picture
from ctk.errors import DataError
from ctk.machine import cores
from ctk.samples import Array

Job = tuple[Array, Sequence[tuple[int, Path]]]
"""An array (n, H, W, 3) uint8 to fill, and which pictures belong into which of its places."""


def decode(path: Path) -> Array:
    """A picture as (H, W, 3) uint8. Raises DataError naming a file that does not decode."""
    import torch
    from torchvision.io import ImageReadMode, decode_image

    with suppress(OSError, RuntimeError, ValueError):  # whose words name no file: Pillow's are told below
        content = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
        picture: Array = decode_image(content, ImageReadMode.RGB).permute(1, 2, 0).numpy()
        return picture
    return np.asarray(open_picture(path))


def decode_all(jobs: Iterable[Job]) -> Iterator[Array]:
    """Fill the arrays of jobs, some at a time; yields them in their order.

    Raises DataError for a picture that does not decode or is of another size than the array's.
    """
    workers = cores()
    with ThreadPoolExecutor(workers) as pool:
        submitted = ((block, pool.submit(_fill, block, pictures)) for block, pictures in jobs)
        ahead = deque(islice(submitted, workers + 1))
        try:
            while ahead:
                block, done = ahead.popleft()
                done.result()
                ahead.extend(islice(submitted, 1))
                yield block
        finally:
            for _, left in ahead:
                left.cancel()


def _fill(block: Array, pictures: Sequence[tuple[int, Path]]) -> None:
    height, width = block.shape[1:3]
    for place, path in pictures:
        picture = decode(path)
        if picture.shape != block.shape[1:]:
            raise DataError(
                f"{path}: is {picture.shape[1]} x {picture.shape[0]} pixels; the first picture is {width} x {height}.",
                "All pictures are of one size.",
            )
        block[place] = picture
