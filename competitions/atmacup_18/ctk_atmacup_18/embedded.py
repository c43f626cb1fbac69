"""The data set that comes with the package, and how it becomes the competition's own files.

Drives in a game, SuperTuxKart, and not the competition's cars: data/NOTICE.md says whose work the pictures are, and
game/README.md how they came here.
"""

from __future__ import annotations

import io
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local

from PIL import Image

from ctk.contract import Progress

PACKED = Path(__file__).parent / "data" / "drives.zip"
STRIPS = "strips/"  # in the archive: one picture a row, its frames one below the other, oldest first
FRAMES = ("image_t-1.0.png", "image_t-0.5.png", "image_t.png")


def unpack(place: Path, progress: Progress = lambda what, done, total: None) -> None:
    """Write the competition's files into a folder that is there; the same bytes for the same Pillow.

    What a killed process has begun there is written over. The tables come last: where they are, everything is.
    """
    place = Path(place)
    opened = local()  # an archive that is open cannot be read by two threads at once
    with zipfile.ZipFile(PACKED) as archive:
        strips = [name for name in archive.namelist() if name.startswith(STRIPS)]
        tables = [name for name in archive.namelist() if not name.startswith(STRIPS)]
        (place / "traffic_lights").mkdir(exist_ok=True)

        def one(name: str) -> None:
            if not hasattr(opened, "archive"):
                opened.archive = zipfile.ZipFile(PACKED)
            write_row(place, identifier(name), opened.archive.read(name))

        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for done, _ in enumerate(pool.map(one, strips), start=1):
                progress("unpacking drives", done, len(strips))
        for name in tables:
            archive.extract(name, place)


def write_row(place: Path, name: str, strip: bytes) -> None:
    """Write a row's pictures, and the lights beside it: the game has none."""
    with Image.open(io.BytesIO(strip)) as picture:
        frames = picture.convert("RGB")
    width, height = frames.width, frames.height // len(FRAMES)
    row = place / "images" / name
    row.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(FRAMES):
        frames.crop((0, number * height, width, (number + 1) * height)).save(row / frame, compress_level=1)
    (place / "traffic_lights" / f"{name}.json").write_text("[]", encoding="utf-8")


def identifier(name: str) -> str:
    """Return the row's ID from the name of its strip."""
    return name.removeprefix(STRIPS).removesuffix(".webp")
