"""Pack recorded races into the archive that the package carries.

    python -m ctk_atmacup_18.game.pack RACES OUT.zip

Rows in which the game lifted the kart are left out. Pictures are WebP, a strip of three a row, for room: 20 MB is all
that the repository has for them. Training rows are in the order of their ID, test rows too: as text, so that 120 comes
before 20, as the competition's files have it.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from supertuxkart.engine import HEIGHT_OF_CAMERA

from ctk_atmacup_18.embedded import STRIPS
from ctk_atmacup_18.game.scenes import TARGETS, Race, intrinsics

QUALITY = 80
EPOCH = (2026, 1, 1, 0, 0, 0)  # of the archive's entries: the same races give the same bytes
Row = tuple[str, dict[str, Any], Any, Any]  # ID, columns, path (6, 3), pictures (3, H, W, 3)


def main() -> None:
    """Write the archive and say how much is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("races", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    parts, camera = {}, {}
    for part in ("train", "test"):
        found = [Race.read(path) for path in sorted(options.races.glob(f"{part}-*.npz")) if ".part" not in path.name]
        parts[part] = sorted((row for race in found for row in rows(race)), key=lambda row: row[0])
        camera = intrinsics(found[0].projection, 128, 64)
        print(f"{part}: {len(parts[part])} rows of {len(found)} races on {len({race.track for race in found})} tracks")
    write(options.out, parts["train"], parts["test"], {**camera, "height": HEIGHT_OF_CAMERA})
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


def rows(race: Race) -> list[Row]:
    """Return a race's rows that were driven, none of them cut out of a scene that would stay empty."""
    return [
        (f"{race.scene(scene)}_{decisecond}", race.columns(now), race.path(now), pictures)
        for (scene, now, decisecond), pictures in zip(race.rows.tolist(), race.pictures, strict=True)
        if race.driven(now)
    ]


def write(out: Path, train: list[Row], test: list[Row], camera: dict[str, float]) -> None:
    """Write the archive: tables, camera, strips."""
    with zipfile.ZipFile(out, "w") as archive:

        def add(name: str, content: str | bytes, packing: int = zipfile.ZIP_DEFLATED) -> None:
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, packing, 9)

        features = list(train[0][1])
        add("train_features.csv", table(["ID", *features, *TARGETS], [[*cells(row), *targets(row)] for row in train]))
        add("test_features.csv", table(["ID", *features], [cells(row) for row in test]))
        add("test_truth.csv", table(["ID", *TARGETS], [[row[0], *targets(row)] for row in test]))
        add("atmaCup18__sample_submit.csv", table(TARGETS, [[0.0] * len(TARGETS)] * len(test)))
        add("camera.json", json.dumps(camera, indent=1))
        for name, _, _, pictures in (*train, *test):
            add(f"{STRIPS}{name}.webp", strip(pictures), zipfile.ZIP_STORED)


def cells(row: Row) -> list[Any]:
    """Return a row's ID and features as they are written."""
    return [row[0], *(round(value, 4) if isinstance(value, float) else value for value in row[1].values())]


def targets(row: Row) -> list[float]:
    """Return a row's path, point by point, to a tenth of a millimetre."""
    return [round(float(value), 4) for value in row[2].ravel()]


def table(header: Sequence[str], lines: list[list[Any]]) -> str:
    """Return a CSV as the competition writes one."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *lines])
    return text.getvalue()


def strip(pictures: Any) -> bytes:
    """Return the frames one below the other as WebP."""
    stream = io.BytesIO()
    Image.fromarray(np.concatenate(pictures)).save(stream, "webp", quality=QUALITY, method=6)
    return stream.getvalue()


if __name__ == "__main__":
    main()
