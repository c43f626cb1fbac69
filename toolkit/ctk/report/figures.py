"""Figures as inline SVG in the page's own colours, which change with the reader's light or dark mode."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, BASELINE = "#1c2024", "#626a71", "#dedbd4", "#858b91"
"""Colours of text, of what stands back, of hair lines, and of what is compared with."""
SERIES = ("#0067a5", "#c4500c", "#00835c", "#a34d8d", "#9a6d00", "#4a9fd8")
"""Six hues after Okabe and Ito (2008), told apart by people with any colour vision; darkened to read on paper."""

VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--line",
    BASELINE: "--baseline",
    **{colour: f"--s{number}" for number, colour in enumerate(SERIES, 1)},
}
"""The style sheet's name of each colour above; only these follow the reader's mode."""

FONT_SIZE = 8.5
"""Points of the text in a figure, so that it is as large as the page's own."""


def axes(width: float = 4.8, height: float = 2.9) -> tuple[Figure, Axes]:
    """A figure with one pair of axes in the page's manner: no frame, hair-line grid, room around. Size in inches.

    The page stretches it to the width there is, so 4.8 inches read well in half a desktop page and on a phone.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    plot = figure.add_subplot()
    plot.spines[["top", "right", "left"]].set_visible(False)
    plot.spines["bottom"].set_color(GRID)
    plot.tick_params(colors=MUTED, labelsize=FONT_SIZE, length=0, pad=5, which="both")
    plot.grid(axis="y", color=GRID, linewidth=0.6)
    plot.set_axisbelow(True)
    return figure, plot


def figure_svg(figure: Figure, label: str) -> str:
    """The figure as inline SVG that scales to its column; ``label`` says in words what it shows.

    The colours INK, MUTED, GRID, BASELINE and SERIES become the page's and follow its light and dark mode; all others
    stay as drawn. Text stays text. The same figure gives the same markup.
    """
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "ctk"}):
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    drawn = buffer.getvalue()
    body = re.search(r'<svg[^>]*viewBox="([^"]*)"[^>]*>(.*)</svg>', drawn, re.DOTALL)
    assert body is not None, "matplotlib writes an svg element with a viewBox"
    content = re.sub(r"<(metadata|style).*?</\1>", "", body[2], flags=re.DOTALL)
    content = _with_ids_of_its_own(content, hashlib.sha256(drawn.encode()).hexdigest()[:8])
    content = re.sub(r" font-family: [^;\"]*;", "", content)
    content = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", content)  # as matplotlib before 3.11 has it
    for colour, variable in VARIABLES.items():
        content = content.replace(f": {colour}", f": var({variable})")
    return f'<svg class="figure" role="img" aria-label="{html.escape(label)}" viewBox="{body[1]}">{content}</svg>'


def data_uri(content: bytes, kind: str) -> str:
    """The bytes of a file as a URI that stands for it, ``kind`` like "image/png"."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _with_ids_of_its_own(content: str, prefix: str) -> str:
    """All figures of a page share one room of ids, and matplotlib counts from 1 in each."""
    content = re.sub(r'\bid="', f'id="{prefix}-', content)
    content = re.sub(r'xlink:href="#', f'href="#{prefix}-', content)
    return content.replace("url(#", f"url(#{prefix}-")
