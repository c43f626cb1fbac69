"""The label rules: which karts of a view count, which is the ego car, and who is on which side of it.

Each rule was compared with the course's graded files, where all 238 different answers and all 200 captions follow it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path

import numpy as np

from ctk.errors import DataError
from ctk.samples import Array
from ctk_supertux.columns import HEIGHT, WIDTH
from ctk_supertux.labels.info import KART, KNOWN_CLASSES, MEND, NUMBERS, Info, frame_of, read_info

LABELLED = (600, 400)
"""Width and height of the picture that boxes are in."""
SCALE = LABELLED[0] // WIDTH
"""Which is 4 times the picture's, in both directions."""
SMALLEST = 5
"""Pixels of the picture, of width and of height, that a kart must have."""
FRAMES_AT_ONCE = 256
"""Between two words on progress."""
Tell = Callable[[int, int], None]
"""Told how many frames are labelled, of how many."""


@dataclass(frozen=True)
class Views:
    """Views, and the karts in them that count; a kart's arrays have a row each, views in order.

    frames   (V,) str: the frame's hexadecimal number
    numbers  (V,) int64: which of the frame's views
    tracks   (V,) int64: places in ``names``
    counts   (V,) int64: karts that count, the ego among them
    egos     (V,) int64: the ego's row among the karts, -1 where no kart counts
    view     (K,) int64: of each kart, the row of its view
    kart     (K,) int64: its name's place in ``names``
    boxes    (K, 4) int64: x1, y1, x2, y2 in pixels of the picture
    right    (K,) bool: right of the ego; else left, or straight before or behind it
    back     (K,) bool: behind the ego, or at its height; else in front
    names    of tracks and karts
    notes    sentences: what is odd in these files
    """

    frames: Array
    numbers: Array
    tracks: Array
    counts: Array
    egos: Array
    view: Array
    kart: Array
    boxes: Array
    right: Array
    back: Array
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def others(self) -> Array:
        """(K,) bool: karts that are not their view's ego."""
        mask = np.ones(len(self.view), bool)
        mask[self.egos[self.egos >= 0]] = False
        return mask

    def pictures(self, folder: str) -> list[str]:
        """Paths of the views' pictures: "train/007d8_06_im.jpg"."""
        pairs = zip(self.frames.tolist(), self.numbers.tolist(), strict=True)
        return [f"{folder}/{frame}_{number:02d}_im.jpg" for frame, number in pairs]

    def rows(self) -> dict[tuple[str, int], int]:
        """The row of each view by frame and number."""
        pairs = zip(self.frames.tolist(), self.numbers.tolist(), strict=True)
        return {pair: row for row, pair in enumerate(pairs)}


def label_files(paths: Sequence[Path], tell: Tell = lambda done, total: None) -> Views:
    """Label every view of these info files, one file in memory at a time. Raises DataError."""
    return label_frames(((path, read_info(path)) for path in paths), lambda done: tell(done, len(paths)))


def label_frames(infos: Iterable[tuple[Path, Info]], tell: Callable[[int], None] = lambda done: None) -> Views:
    """Label every view of frames by their info files; memory is numbers, and one frame at a time. Raises DataError."""

    def told() -> Iterator[tuple[Path, Info]]:
        done = 0
        for done, frame in enumerate(infos, start=1):
            yield frame
            if not done % FRAMES_AT_ONCE:
                tell(done)
        tell(done)

    return _judged(_Boxes.of(told()))


@dataclass(frozen=True)
class _Boxes:
    """Boxes of karts by view, before any rule.

    boxes is (K, 4) int64 as in the files; unknown has a place of each class that is none; the rest is as in ``Views``.
    """

    frames: list[str]
    numbers: list[int]
    tracks: list[int]
    view: Array
    kart: Array
    boxes: Array
    names: tuple[str, ...]
    unknown: dict[int, str]

    @classmethod
    def of(cls, infos: Iterable[tuple[Path, Info]]) -> _Boxes:
        """Python looks once at the class of each box; all else is done for the boxes of all frames at once."""
        first = itemgetter(0)
        names: dict[str, int] = {}
        unknown: dict[int, str] = {}
        paths: list[Path] = []
        frames: list[str] = []
        numbers: list[int] = []
        tracks: list[int] = []
        frame_of_view, karts_of_view, name_of_kart, karts_of_frame = (array("q") for _ in range(4))
        values = array("q")
        for path, info in infos:
            frame = frame_of(path)
            for strange in set(map(first, chain.from_iterable(info.detections))) - KNOWN_CLASSES:
                view = next(view for view, boxes in enumerate(info.detections) if strange in map(first, boxes))
                unknown.setdefault(strange, f"{frame}, view {view}")
            karts = [[box for box in boxes if box[0] == KART] for boxes in info.detections]
            karts_of_view.extend(map(len, karts))
            values.extend(chain.from_iterable(chain.from_iterable(karts)))
            count = len(info.detections)
            frames += [frame] * count
            numbers += range(count)
            tracks += [names.setdefault(info.track, len(names))] * count
            frame_of_view.extend([len(paths)] * count)
            name_of_kart.extend([names.setdefault(name, len(names)) for name in info.karts])
            karts_of_frame.append(len(info.karts))
            paths.append(path)
        found = np.array(values, np.int64).reshape(-1, len(NUMBERS))
        of_view = np.repeat(np.arange(len(frames)), np.array(karts_of_view, np.int64))
        frame_rows = np.array(frame_of_view, np.int64)[of_view]
        place, named = found[:, 1], np.array(karts_of_frame, np.int64)
        nameless = (place < 0) | (place >= named[frame_rows])
        if nameless.any():
            row = int(np.argmax(nameless))
            where = f"{paths[frame_rows[row]]}, detections, view {numbers[of_view[row]]}"
            told = f"a kart has the track id {place[row]}, and karts has {named[frame_rows[row]]} names"
            raise DataError(f"{where}: {told}.", MEND)
        kart = np.array(name_of_kart, np.int64)[(np.cumsum(named) - named)[frame_rows] + place]
        return cls(frames, numbers, tracks, of_view, kart, found[:, 2:], tuple(names), unknown)

    def oddities(self) -> Iterator[str]:
        """What is no error and yet worth a sentence."""
        for kind, where in self.unknown.items():
            yield f"boxes of an unknown class {kind}, such as in {where}, are read as no kart"
        within = (self.boxes >= 0) & (self.boxes < (*LABELLED, *LABELLED))
        out = ~within.all(axis=1) | (self.boxes[:, 2:] < self.boxes[:, :2]).any(axis=1)
        if out.any():
            view = self.view[np.argmax(out)]
            yield (
                f"{int(out.sum()):,} boxes of karts reach out of {LABELLED[0]} x {LABELLED[1]} pixels, such as in "
                f"{self.frames[view]}, view {self.numbers[view]}"
            )


def _judged(raw: _Boxes) -> Views:
    scaled = np.trunc(raw.boxes / SCALE).astype(np.int64)  # each coordinate first, and only then widths and centres
    x1, y1, x2, y2 = scaled.T
    outside = (x2 < 0) | (x1 > WIDTH) | (y2 < 0) | (y1 > HEIGHT)
    kept = (x2 - x1 >= SMALLEST) & (y2 - y1 >= SMALLEST) & ~outside
    view, kart, boxes = raw.view[kept], raw.kart[kept], scaled[kept]
    counts = np.bincount(view, minlength=len(raw.frames)).astype(np.int64)

    doubled = boxes[:, :2] + boxes[:, 2:]  # twice the centre, which is whole
    distance = ((doubled - np.array([WIDTH, HEIGHT])) ** 2).sum(axis=1)
    nearest_first = np.lexsort((distance, view))  # a stable sort: of equally near ones the first in the file
    egos = np.full(len(raw.frames), -1, np.int64)
    firsts = nearest_first[np.r_[True, np.diff(view[nearest_first]) > 0][: len(view)]]
    egos[view[firsts]] = firsts
    ego = doubled[egos[view]] if len(view) else doubled
    return Views(
        frames=np.array(raw.frames, str),
        numbers=np.array(raw.numbers, np.int64),
        tracks=np.array(raw.tracks, np.int64),
        counts=counts,
        egos=egos,
        view=view,
        kart=kart,
        boxes=boxes,
        right=doubled[:, 0] > ego[:, 0],
        back=doubled[:, 1] >= ego[:, 1],
        names=raw.names,
        notes=(*raw.oddities(), *_without_karts(counts)),
    )


def _without_karts(counts: Array) -> Iterator[str]:
    if without := int((counts == 0).sum()):
        yield f"{without:,} of {len(counts):,} views have no kart, and nothing is asked about them"
