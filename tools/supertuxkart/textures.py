"""Scale the game's textures down in place: pictures this small show no more, and races start sooner.

python -m supertuxkart.textures DATA TRACK...
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

LARGEST = 256  # pixels
SHARED = ("textures", "library", "models", "karts", "gfx")


def main() -> None:
    """Go over the tracks that are named and what all share."""
    data, tracks = Path(sys.argv[1]), sys.argv[2:]
    for folder in (*SHARED, *(f"tracks/{track}" for track in tracks)):
        for path in sorted((data / folder).rglob("*")):
            if path.suffix.lower() in (".png", ".jpg", ".jpeg"):
                shrink(path)


def shrink(path: Path) -> None:
    """Replace a texture by a smaller one of the same kind, unless it is small."""
    with Image.open(path) as file:
        picture: Image.Image = file
        share = LARGEST / max(picture.size)
        if share >= 1:
            return
        if picture.mode == "P":
            picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
        size = [max(1, round(side * share)) for side in picture.size]
        smaller = picture.resize((size[0], size[1]), Image.Resampling.BOX)
    unfinished = path.with_name(path.name + ".part")
    smaller.save(unfinished, "PNG" if path.suffix.lower() == ".png" else "JPEG", quality=92)
    unfinished.replace(path)


if __name__ == "__main__":
    main()
