"""Pictures of rows into samples on disk, a block at a time: what an earlier preparation has is not decoded again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from ctk.data.picture_decoding import Job, decode_pictures
from ctk.data.samples_writer import SamplesWriter
from ctk.errors import DamagedError
from ctk.files import read_npy
from ctk.samples import Array, Targets

DECODED = "decoded"
"""The folder, in a part's folder, that says which pictures its rows are of."""
ROWS, LARGE, BLOCK = 32, 4, 32 << 20
"""Most rows of a block, of which a few are in memory; fewer where large pictures are made smaller, so that all cores
have work until the end; and most bytes of its pixels."""
COMMIT = 2.0
"""Seconds between commits."""


class PictureRows:
    """The pictures of some rows, as many a row.

    feature  its name
    folder   where pictures lie
    ids      (N,) of the rows
    names    of the pictures of each row, below ``folder``
    stamps   (N, K, 2) int64: size and time of each
    shape    of a row: (H, W, 3), or (K, H, W, 3) for several pictures
    resize   whether larger pictures are brought to this height and width; else they have to have it
    earlier  parts of earlier preparations, which may have the pixels of the same pictures
    """

    def __init__(
        self,
        feature: str,
        folder: Path,
        ids: Array,
        names: Sequence[Sequence[str]],
        stamps: Array,
        shape: tuple[int, ...],
        *,
        resize: bool = False,
        earlier: Sequence[Path] = (),
    ) -> None:
        self.feature, self.folder, self.ids, self.names, self.stamps = feature, folder, ids, names, stamps
        self.shape, self.each = shape, prod(shape[:-3])
        self.resize = (shape[-3], shape[-2]) if resize else None
        self.known = self._known(earlier)

    def write(
        self,
        place: Path,
        arrays: Mapping[str, Array],
        constants: Mapping[str, Array],
        targets: Targets,
        tell: Callable[[int], None],
    ) -> None:
        """Write the samples of a part, from where a killed call left it.

        arrays  what else is known of the rows, as ``SamplesWriter.append`` takes it
        tell    is told how many rows are written
        Raises DataError for a picture that does not decode, or is of another size.
        """
        writer = SamplesWriter(place)
        if writer.finished:
            return
        folder = place / DECODED
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "ids.npy", self.ids)
        np.save(folder / "stamps.npy", self.stamps)
        committed = time.monotonic()
        for start, block in self.blocks(writer.rows):
            rows = {name: values[start : start + len(block)] for name, values in arrays.items()}
            writer.append(rows | {f"features/{self.feature}": block})
            if time.monotonic() - committed >= COMMIT:
                writer.commit(None)
                committed = time.monotonic()
            tell(start + len(block))
        writer.finish(constants, targets)

    def blocks(self, start: int) -> Iterator[tuple[int, Array]]:
        """Yield the first row and the pictures (n, *shape) uint8 of each block of rows from row ``start`` on.

        Raises DataError for a picture that does not decode, or is of another size.
        """
        left = sum(row not in self.known for row in range(start, len(self.ids)))
        for pictures in decode_pictures(self._jobs(start), left * self.each, self.resize):
            block = pictures.reshape(len(pictures) // self.each, *self.shape)
            yield start, block
            start += len(block)

    def _known(self, earlier: Sequence[Path]) -> dict[int, tuple[Path, int]]:
        """By row, the array of an earlier preparation that has its pictures, and the row there."""
        known: dict[int, tuple[Path, int]] = {}
        for part in earlier:
            path = part / "features" / f"{self.feature}.npy"
            try:
                ids, stamps = (read_npy(part / DECODED / f"{name}.npy") for name in ("ids", "stamps"))
                pictures = read_npy(path)
            except DamagedError:  # one that was killed, or tidied away
                continue
            if pictures.shape != (len(ids), *self.shape) or stamps.shape != (len(ids), *self.stamps.shape[1:]):
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
        step = max(1, min(LARGE if self.resize else ROWS, BLOCK // prod(self.shape)))
        for first in range(start, max(len(self.ids), 1), step):
            rows = range(first, min(first + step, len(self.ids)))
            block = np.empty((len(rows), *self.shape), np.uint8)
            pictures: list[tuple[int, str]] = []
            mapped = {path: read_npy(path) for path in {self.known[row][0] for row in rows if row in self.known}}
            for place, row in enumerate(rows):
                if row in self.known:
                    path, there = self.known[row]
                    block[place] = mapped[path][there]
                else:
                    numbered = enumerate(self.names[row], start=place * self.each)
                    pictures += [
                        (number, f"{self.folder}/{name}") for number, name in numbered
                    ]  # a Path each takes seconds
            yield block.reshape(len(rows) * self.each, *self.shape[-3:]), pictures


def earlier_parts(place: Path) -> list[Path]:
    """List the parts of earlier preparations beside one that is being made, the newest first."""
    found = {path.parent for path in place.parent.glob(f"*/*/{DECODED}") if path.parent.parent != place}
    return sorted(found, key=lambda part: part.stat().st_mtime_ns, reverse=True)
