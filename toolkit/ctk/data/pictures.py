"""Opening pictures as people see them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ctk.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image


def open_picture(path: Path) -> Image:
    """Open a picture in RGB, what is transparent laid on white; DataError naming the file if it does not decode."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            if not picture.has_transparency_data:
                return picture.convert("RGB")
            coloured = picture.convert("RGBA")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such picture.", "Check the file names of the captions.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be decoded as a picture ({error}).", "Replace or remove it.") from error
    white = Image.new("RGBA", coloured.size, "white")
    return Image.alpha_composite(white, coloured).convert("RGB")
