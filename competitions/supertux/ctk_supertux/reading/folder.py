"""The homework's folder: which files it has, which pictures rows name, and what the labels say of these."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctk.contract import DataItem, Progress
from ctk.data import FileListings, PictureRows, allocate_scratch
from ctk.errors import DataError
from ctk.samples import Array, MappedRows
from ctk_supertux.columns import DEMO, HEIGHT, IMAGE, INFO, TRAIN, VALID, WIDTH
from ctk_supertux.labels import Views, label_files

GET = "The homework's data are its folders train, valid and valid_grader; give no folder to use frames of the game."
PICTURE = re.compile(r"[\w.-]+/([0-9a-f]+)_([0-9]{2,})_im\.[a-z]+")
NO_VALIDATION = "Validation frames are what answers are judged by: they are never trained on. Remove such rows."


@dataclass(frozen=True)
class NamedPictures:
    """Different pictures of some rows, in the order in which rows name them.

    files   (P,) paths below the data folder
    of      (N,) int64: each row's picture
    frames  (P,) int64 numbers of the frames
    """

    files: tuple[str, ...]
    of: Array
    frames: Array

    @classmethod
    def named(cls, files: Sequence[str], path: Path, within: str = "") -> NamedPictures:
        """Find the different ones of (N,) paths that rows of a file name.

        within  the only folder that they may lie in
        Raises DataError naming the row.
        """
        places: dict[str, int] = {}
        of = np.array([places.setdefault(file, len(places)) for file in files], np.int64)
        frames = []
        for file in places:
            match = PICTURE.fullmatch(file)
            if match is None or (within and not file.startswith(f"{within}/")):
                row = f"{path}, row {files.index(file) + 1:,}"
                if match is None:
                    raise DataError(f"{row}: {file[:80]!r} is no picture's path.", "It is FOLDER/FRAME_VIEW_im.jpg.")
                raise DataError(f"{row}: {file} is not in {within}/.", NO_VALIDATION)
            frames.append(int(match[1], 16))
        return cls(tuple(places), of, np.array(frames, np.int64))


@dataclass(frozen=True)
class KnownViews:
    """What info files say of pictures: (P,) track names, "" unknown; kept karts, -1 unknown; rows in ``views``."""

    track: Array
    karts: Array
    rows: Array
    views: Views


class HomeworkFolder:
    """One copy of the homework's data, its files as they were when first asked for."""

    def __init__(self, path: Path, listings: FileListings) -> None:
        self.path, self.listings = path, listings

    def known(self, pictures: NamedPictures, views: Views | None = None) -> KnownViews:
        """Look pictures up in ``views``, or in the info files beside them, as far as there are such."""
        files = {}
        for file in pictures.files:
            match = PICTURE.fullmatch(file)
            assert match is not None
            files[file] = (f"{file.partition('/')[0]}/{match[1]}{INFO}", match[1], int(match[2]))
        if views is None:
            paths = dict.fromkeys(self.path / info for info, _, _ in files.values())
            views = label_files([path for path in paths if path.is_file()])
        places = views.rows()
        rows = np.array([places.get((frame, view), -1) for _, frame, view in files.values()], np.int64)
        known = rows >= 0
        track, karts = np.full(len(rows), "", "U64"), np.full(len(rows), -1, np.int64)
        if known.any():
            track[known] = np.array(views.names)[views.tracks[rows[known]]]
            karts[known] = views.counts[rows[known]]
        return KnownViews(track, karts, rows, views)

    def decode(self, pictures: NamedPictures, progress: Progress) -> MappedRows:
        """Decode each picture once; a row's is read when it is looked at. Raises DataError for one that is missing."""
        listing = {
            f"{part}/{name}": stamp
            for part in dict.fromkeys(file.partition("/")[0] for file in pictures.files)
            for name, stamp in (self.listings.of(self.path / part).items() if (self.path / part).is_dir() else ())
        }
        for file in pictures.files:
            if file not in listing:
                raise DataError(f"{self.path / file}: there is no such picture.", GET)
        count = len(pictures.files)
        decoded = allocate_scratch((count, HEIGHT, WIDTH, 3), np.uint8, "Decoding pictures")
        stamps = np.array([listing[file] for file in pictures.files], np.int64).reshape(count, 1, 2)
        rows = PictureRows(
            IMAGE,
            self.path,
            np.array(pictures.files, str),
            [[file] for file in pictures.files],
            stamps,
            (HEIGHT, WIDTH, 3),
        )
        for start, block in rows.blocks(0) if count else ():
            decoded[start : start + len(block)] = block
            progress("decoding pictures", start + len(block), count)
        return MappedRows(decoded, pictures.of)

    def describe(self, needed: str) -> list[DataItem]:
        """Describe its parts: those that are there, and those that are needed."""
        items = []
        for part, must in ((TRAIN, True), (VALID, False), (needed, True), (DEMO, False)):
            path = self.path / part
            if path.is_dir():
                names = self.listings.of(path)
                infos = sum(name.endswith(INFO) for name in names)
                others = [name for name in names if name.endswith(".json") and not name.endswith(INFO)]
                said = f"{infos:,} frames, {sum(name.endswith('.jpg') for name in names):,} pictures"
                items.append(DataItem(part, path, ", ".join([said] * (infos > 0) + sorted(others)), GET))
            elif path.is_file():
                items.append(DataItem(part, path, f"{path.stat().st_size / 1e3:,.1f} kB", GET))
            elif must:
                items.append(DataItem(part, None, "", GET))
        return items
