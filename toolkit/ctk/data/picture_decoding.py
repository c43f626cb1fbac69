"""Pictures into arrays, in several processes where there are many: decoding holds Python's lock too long for threads.

Measured beside Pillow in one process by bench/decode.py of the competitions that have pictures.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Self

import numpy as np

from ctk.data.pictures import open_picture
from ctk.errors import DataError
from ctk.machine import cores
from ctk.samples import Array

Job = tuple[Array, Sequence[tuple[int, str]]]
"""An array (n, H, W, 3) uint8 to fill, and which pictures belong into which of its places."""
DECODER = (sys.executable, "-P", str(Path(__file__).with_name("picture_decoder.py")))
FEW, FEW_LARGE = 1000, 8
"""So many pictures, small ones or such as are made smaller, are decoded while a process starts."""


def decode_pictures(jobs: Iterable[Job], pictures: int, resize: tuple[int, int] | None = None) -> Iterator[Array]:
    """Fill the arrays of jobs, some at a time; yields them in their order.

    pictures  how many there are
    resize    height and width that larger pictures are brought to; None takes those alone that have the array's
    Raises DataError for a picture that does not decode, is of another size than the array's, or smaller.
    """
    count = cores() if pictures > (FEW if resize is None else FEW_LARGE) else 0
    with Decoders(count, resize) as decoders, ThreadPoolExecutor(decoders.count or 1) as pool:
        submitted = ((block, pool.submit(decoders.fill, block, wanted)) for block, wanted in jobs)
        ahead = deque(islice(submitted, decoders.count + 1))
        try:
            while ahead:
                block, done = ahead.popleft()
                done.result()
                ahead.extend(islice(submitted, 1))
                yield block
        finally:
            for _, left in ahead:
                left.cancel()


class Decoders:
    """Processes that decode pictures. A context manager: whatever ends the block, none is left running."""

    def __init__(self, count: int, resize: tuple[int, int] | None = None) -> None:
        self.count, self.resize = count, resize
        self.idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()

    def __enter__(self) -> Self:
        command = [*DECODER, *map(str, self.resize or ())]
        self.processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            for _ in range(self.count)
        ]
        for process in self.processes:
            self.idle.put(process)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    def fill(self, block: Array, pictures: Sequence[tuple[int, str]]) -> None:
        """Decode pictures (place, path) into an array (n, H, W, 3) uint8; threads may call it at once.

        Raises DataError naming one that does not decode or is of another size.
        """
        if self.count and pictures:
            process = self.idle.get()
            try:
                if _ask(process, block, pictures):
                    return
            except OSError:  # it was killed
                pass
            finally:
                self.idle.put(process)
        for place, path in pictures:
            picture = np.asarray(open_picture(Path(path), self.resize))
            if picture.shape != block.shape[1:]:
                (height, width, _), (right_height, right_width) = picture.shape, block.shape[1:3]
                raise DataError(
                    f"{path}: is {width} x {height} pixels; the first picture is {right_width} x {right_height}.",
                    "All pictures are of one size.",
                )
            block[place] = picture


def _ask(process: subprocess.Popen[bytes], block: Array, pictures: Sequence[tuple[int, str]]) -> bool:
    """Have a process decode pictures into their places; False where it could not."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps([path for _, path in pictures]).encode() + b"\n")
    process.stdin.flush()
    size = process.stdout.readline().split()
    if size != [b"%d" % length for length in block.shape[1:3]]:
        if size:
            process.kill()  # its pixels lie in the pipe
        return False
    return all(process.stdout.readinto(block[place].data) == block[place].nbytes for place, _ in pictures)  # type: ignore[attr-defined]
