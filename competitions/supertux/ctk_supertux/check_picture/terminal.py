"""A picture as coloured half blocks, for terminals with 24-bit colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctk_supertux.columns import HEIGHT, WIDTH

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


def for_terminal(picture: Picture) -> list[str]:
    """Lines of ANSI text, a character two pixels, one above the other."""
    pixels = np.asarray(picture.convert("RGB").resize((WIDTH, HEIGHT)))
    return [
        "".join(map(_block, above, below)) + "\x1b[0m" for above, below in zip(pixels[::2], pixels[1::2], strict=True)
    ]


def _block(above: np.ndarray, below: np.ndarray) -> str:
    return "\x1b[38;2;{};{};{}m\x1b[48;2;{};{};{}m▀".format(*above, *below)
