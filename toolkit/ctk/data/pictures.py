"""Opening pictures as people see them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ctk.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image


def open_picture(path: Path, size: tuple[int, int] | None = None) -> Image:
    """Open a picture in RGB, what is transparent laid on white, and bring it to a height and width where one is given.

    Raises DataError naming the file if it does not decode, or is smaller than that.
    """
    from PIL import Image

    from ctk.data.picture_decoder import to_rgb

    try:
        with Image.open(path) as picture:
            if size is not None and (picture.height < size[0] or picture.width < size[1]):
                raise DataError(
                    f"{path}: is {picture.width} x {picture.height} pixels, and {size[1]} x {size[0]} are asked for.",
                    "Replace it, or ask for a smaller size: nothing is enlarged.",
                )
            found = to_rgb(picture, size)
            found.load()
            return found
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such picture.", "Check the file names of the captions.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be decoded as a picture ({error}).", "Replace or remove it.") from error
