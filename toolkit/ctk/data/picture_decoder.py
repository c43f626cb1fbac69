"""A process that decodes pictures: a line of JSON with paths comes in, their pixels go out.

    python -P picture_decoder.py [HEIGHT WIDTH]

Where a height and width are given, pictures are brought to it. The answer is a line with height and width, or an empty
one where a picture does not decode or is of another size than the first; then (H, W, 3) uint8 of each. It imports
Pillow alone, and so starts in a tenth of a second.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from io import BytesIO
from typing import BinaryIO

from PIL import Image

Pixels = tuple[tuple[int, int], bytes]
"""Width and height of a picture, and its pixels."""


def to_rgb(picture: Image.Image, size: tuple[int, int] | None) -> Image.Image:
    """Decode a picture that was opened, in RGB, what is transparent laid on white; at a height and width, if given.

    A JPEG comes out of its decoder at the fewest eighths that are no smaller: its cosine transform is inverted at that
    size, and most of the work is not done (libjpeg's scale_denom). Raises ValueError for a smaller picture.
    """
    if size is not None:
        width, height = picture.size
        if height < size[0] or width < size[1]:
            raise ValueError("the picture is smaller")
        picture.draft(None, size[::-1])
    if picture.has_transparency_data:
        coloured = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    rgb = picture if picture.mode == "RGB" else picture.convert("RGB")
    return rgb if size is None or rgb.size == size[::-1] else rgb.resize(size[::-1], Image.Resampling.BICUBIC)


def pixels(path: str, size: tuple[int, int] | None) -> Pixels:
    """Decode a picture. Raises what Pillow does."""
    with open(path, "rb") as file:
        stream = BytesIO(file.read())
    with Image.open(stream) as picture:
        rgb = to_rgb(picture, size)
        return rgb.size, rgb.tobytes()


def answer(lines: Iterable[bytes], out: BinaryIO, size: tuple[int, int] | None) -> None:
    """Answer each line until there are no more."""
    for line in lines:
        try:
            decoded = [pixels(path, size) for path in json.loads(line)]
        except Exception:  # who asked decodes it again, and says what is wrong
            decoded = []
        sizes = {size for size, _ in decoded}
        if len(sizes) == 1:
            ((width, height),) = sizes
            out.write(b"%d %d\n" % (height, width))
            out.writelines(content for _, content in decoded)
        else:
            out.write(b"\n")
        out.flush()


if __name__ == "__main__":
    asked = [int(length) for length in sys.argv[1:]]
    answer(sys.stdin.buffer, sys.stdout.buffer, (asked[0], asked[1]) if asked else None)
