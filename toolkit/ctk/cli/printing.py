"""What commands print for people: text, tables and scores."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ctk.errors import visible


class VisibleConsole(Console):
    """A console in which names and words of strangers move no cursor: their control characters are written out."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Make a text before it is measured, so that a table's columns are as wide as what is shown."""
        return super().render_str(visible(text), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as ``rich`` does; what it lets its own displays do with the cursor stays."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


console = VisibleConsole(
    width=None if (sys.stdout and sys.stdout.isatty()) or "COLUMNS" in os.environ else 160,
    markup=False,
    highlight=False,
)
"""Prints text as it is, for paths, config values and sentences of plugins may have brackets; what has a style is a
``Text``. Where output is no terminal nothing tells its width; 160 keeps tables whole in files."""


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], numbers: int = 0) -> None:
    """Print a table of texts; the last ``numbers`` columns are right-aligned."""
    shown = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for place, column in enumerate(columns):
        shown.add_column(column, justify="right" if place >= len(columns) - numbers else "left", overflow="fold")
    for row in rows:
        shown.add_row(*("" if cell is None else cell if isinstance(cell, str | Text) else str(cell) for cell in row))
    console.print(shown)


def format_score(value: float | None, digits: int = 4) -> str:
    """Format a score for a table: a fixed number of digits, and nothing where the score is not known."""
    return "" if value is None else f"{value:.{digits}f}"
