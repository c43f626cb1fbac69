"""A picture in the page."""

from __future__ import annotations

import io

import numpy as np

from ctk.report import data_uri
from ctk.samples import Array


def jpeg(pixels: Array) -> str:
    """Pixels (H, W, 3) uint8 as the address of an image element."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(np.asarray(pixels)).save(content, "jpeg", quality=85)
    return data_uri(content.getvalue(), "image/jpeg")
