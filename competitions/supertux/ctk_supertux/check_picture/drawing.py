"""The picture: boxes with names on the left, what is said on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ctk_supertux.columns import HEIGHT, WIDTH
from ctk_supertux.labels import Views
from ctk_supertux.labels.info import KART
from ctk_supertux.labels.views import SCALE

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

ENLARGED = 6
SHOWN = (WIDTH * ENLARGED, HEIGHT * ENLARGED)
"""Width and height of the enlarged picture."""
PANEL, LINE, SIZE = 520, 20, 14
"""Pixels: the text beside the picture, one of its lines, and its letters."""
EGO, OTHER, DROPPED, INK, PAPER = "#ffd21f", "#38e1ff", "#9a9a9a", "#111111", "#ffffff"


def draw_check(
    picture: Picture, views: Views, view: int, detections: Sequence[Sequence[int]], lines: Sequence[str]
) -> Picture:
    """Draw a view enlarged six times, with lines of text beside it.

    The ego's box is yellow, with a line from the middle of the picture to its centre; those of other karts that count
    are blue, and such as are too small grey.
    """
    width, height = SHOWN
    page = Image.new("RGB", (width + PANEL, max(height, LINE * (len(lines) + 2))), PAPER)
    page.paste(picture.resize((width, height), Image.Resampling.NEAREST))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(SIZE)
    of_label = ENLARGED / SCALE
    for kind, _, *box in detections:
        if kind == KART:
            pen.rectangle(_ordered([each * of_label for each in box]), outline=DROPPED)
    rows = np.flatnonzero(views.view == view)
    for row in sorted(rows.tolist(), key=lambda row: row == views.egos[view]):  # the ego above the others
        is_ego = bool(row == views.egos[view])
        colour = EGO if is_ego else OTHER
        x1, y1, x2, y2 = (int(each) * ENLARGED for each in views.boxes[row])
        pen.rectangle((x1, y1, x2, y2), outline=colour, width=3 if is_ego else 2)
        name = views.names[views.kart[row]] + " (ego)" * is_ego
        at = (min(max(x1, 0), width - 9 * len(name)), max(y1 - LINE, 0))
        pen.rectangle(pen.textbbox(at, name, font), fill=INK)
        pen.text(at, name, colour, font)
        if is_ego:
            pen.line((width / 2, height / 2, (x1 + x2) / 2, (y1 + y2) / 2), EGO, 2)
    middle = (width / 2, height / 2)
    pen.line((middle[0] - 8, middle[1], middle[0] + 8, middle[1]), EGO, 2)
    pen.line((middle[0], middle[1] - 8, middle[0], middle[1] + 8), EGO, 2)
    for place, line in enumerate(lines or ["no kart counts in this view"]):
        pen.text((width + SIZE, LINE // 2 + place * LINE), line, INK, font)
    return page


def _ordered(box: Sequence[float]) -> tuple[float, float, float, float]:
    """Pillow draws no box whose corners are turned round."""
    x1, y1, x2, y2 = box
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
