"""The label rules: which karts of a view count, which is the ego car, and who is on which side of it.

Each rule was compared with the course's graded files, where all 238 different answers and all 200 captions follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctk.samples import Array
from ctk_supertux.columns import HEIGHT, WIDTH
from ctk_supertux.labels.info import Info, KartBoxes, boxes_of, frame_of, read_info

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
    """Label every view of these info files, some files in memory at a time. Raises DataError."""

    def infos() -> Iterator[tuple[str, Info]]:
        for path in paths:
            yield frame_of(path), read_info(path)

    return label_frames(infos(), lambda done: tell(done, len(paths)))


def label_frames(infos: Iterable[tuple[str, Info]], tell: Callable[[int], None] = lambda done: None) -> Views:
    """Label every view of frames by their hexadecimal numbers; memory is numbers, and one frame at a time."""
    names: dict[str, int] = {}
    odd = _Oddities()

    def told() -> Iterator[tuple[str, Info]]:
        done = 0
        for done, frame in enumerate(infos, start=1):
            yield frame
            if not done % FRAMES_AT_ONCE:
                tell(done)
        tell(done)

    return _judged(_Boxes.of(told(), names, odd), tuple(names), odd)


@dataclass(frozen=True)
class _Boxes:
    """Boxes of karts by view, before any rule: ``boxes`` (K, 4) as in the files, the rest as in ``Views``."""

    frames: list[str]
    numbers: list[int]
    tracks: list[int]
    view: Array
    kart: Array
    boxes: Array

    @classmethod
    def of(cls, infos: Iterable[tuple[str, Info]], names: dict[str, int], odd: _Oddities) -> _Boxes:
        frames: list[str] = []
        numbers: list[int] = []
        tracks: list[int] = []
        view, kart = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        found = [np.empty((0, 4), np.int64)]
        for frame, info in infos:
            seen = boxes_of(frame, info)
            odd.look_at(frame, seen)
            of_name = np.array([names.setdefault(name, len(names)) for name in info.karts], np.int64)
            view.append(len(frames) + seen.views)
            kart.append(of_name[seen.boxes[:, 1]])
            found.append(seen.boxes[:, 2:])
            count = len(info.detections)
            frames += [frame] * count
            numbers += range(count)
            tracks += [names.setdefault(info.track, len(names))] * count
        return cls(frames, numbers, tracks, np.concatenate(view), np.concatenate(kart), np.concatenate(found))


def _judged(raw: _Boxes, names: tuple[str, ...], odd: _Oddities) -> Views:
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
        names=names,
        notes=tuple(odd.sentences(int((counts == 0).sum()), len(counts))),
    )


class _Oddities:
    """What is no error and yet worth a sentence."""

    def __init__(self) -> None:
        self.classes: dict[int, str] = {}
        self.outside: list[str] = []

    def look_at(self, frame: str, seen: KartBoxes) -> None:
        for kind, view in seen.unknown.items():
            self.classes.setdefault(kind, f"{frame}, view {view}")
        corners, (width, height) = seen.boxes[:, 2:], LABELLED
        within = (corners >= 0) & (corners < (width, height, width, height))
        out = ~within.all(axis=1) | (corners[:, 2:] < corners[:, :2]).any(axis=1)
        self.outside += [f"{frame}, view {view}" for view in seen.views[out].tolist()]

    def sentences(self, without: int, views: int) -> Iterator[str]:
        for kind, where in self.classes.items():
            yield f"boxes of an unknown class {kind}, such as in {where}, are read as no kart"
        if self.outside:
            yield (
                f"{len(self.outside):,} boxes of karts reach out of {LABELLED[0]} x {LABELLED[1]} pixels, such as in "
                f"{self.outside[0]}"
            )
        if without:
            yield f"{without:,} of {views:,} views have no kart, and nothing is asked about them"
