"""The frames of a table's rows, a block at a time: what an earlier preparation has is not decoded again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ctk.errors import DamagedError
from ctk.files import read_npy
from ctk.samples import Array
from ctk_atmacup_18.columns import FRAMES
from ctk_atmacup_18.reading.decoding import Job, decode_all

DECODED = "decoded"
"""The folder, in a part's folder, that says which pictures its frames are of."""
ROWS = 32
"""Rows of a block: 7 MB of the competition's frames, of which a few are in memory."""


class Frames:
    """The frames of some rows.

    names    of the pictures of each row, below ``folder``
    stamps   (N, 3, 2) int64: size and time of each
    size     height and width
    earlier  parts of earlier preparations, which may have the frames of the same pictures
    """

    def __init__(
        self,
        folder: Path,
        ids: Array,
        names: Sequence[Sequence[str]],
        stamps: Array,
        size: tuple[int, int],
        earlier: Sequence[Path] = (),
    ) -> None:
        self.folder, self.ids, self.names, self.stamps = folder, ids, names, stamps
        self.shape = (len(FRAMES), *size, 3)
        self.known = self._known(earlier)

    def note(self, place: Path) -> None:
        """Write into a part's folder what its frames are made of."""
        folder = place / DECODED
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "ids.npy", self.ids)
        np.save(folder / "stamps.npy", self.stamps)

    def blocks(self, start: int) -> Iterator[tuple[int, Array]]:
        """Yield the first row and the frames (n, 3, H, W, 3) uint8 of each block of rows from row ``start`` on.

        Raises DataError for a picture that does not decode, or is of another size.
        """
        left = sum(row not in self.known for row in range(start, len(self.ids)))
        for pictures in decode_all(self._jobs(start), left * len(FRAMES)):
            block = pictures.reshape(len(pictures) // len(FRAMES), *self.shape)
            yield start, block
            start += len(block)

    def _known(self, earlier: Sequence[Path]) -> dict[int, tuple[Path, int]]:
        """By row, the array of an earlier preparation that has its frames, and the row there."""
        known: dict[int, tuple[Path, int]] = {}
        for part in earlier:
            path = part / "features" / "frames.npy"
            try:
                ids, stamps = (read_npy(part / DECODED / f"{name}.npy") for name in ("ids", "stamps"))
                frames = read_npy(path)
            except DamagedError:  # one that was killed, or tidied away
                continue
            if frames.shape != (len(ids), *self.shape) or stamps.shape != (len(ids), *self.stamps.shape[1:]):
                continue
            rows = {id: row for row, id in enumerate(ids.tolist())}
            for row, id in enumerate(self.ids.tolist()):
                there = rows.get(id)
                if row not in known and there is not None and (stamps[there] == self.stamps[row]).all():
                    known[row] = (path, there)
            if len(known) == len(self.ids):
                break
        return known

    def _jobs(self, start: int) -> Iterator[Job]:
        """Blocks with what is known; each is mapped anew, so that memory holds no more of it than a block."""
        for first in range(start, max(len(self.ids), 1), ROWS):
            rows = range(first, min(first + ROWS, len(self.ids)))
            block = np.empty((len(rows), *self.shape), np.uint8)
            pictures: list[tuple[int, str]] = []
            mapped = {path: read_npy(path) for path in {self.known[row][0] for row in rows if row in self.known}}
            for place, row in enumerate(rows):
                if row in self.known:
                    path, there = self.known[row]
                    block[place] = mapped[path][there]
                else:
                    numbered = enumerate(self.names[row], start=place * len(FRAMES))
                    pictures += [
                        (number, f"{self.folder}/{name}") for number, name in numbered
                    ]  # a Path each takes seconds
            yield (
                block.reshape(-1, *self.shape[1:]) if len(rows) else np.empty((0, *self.shape[1:]), np.uint8),
                pictures,
            )
