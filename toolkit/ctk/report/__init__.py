"""The report of a run: one HTML file that opens anywhere, offline, and shows where every number came from.

A competition adds sections of its own; ``axes`` and ``figure_svg`` draw in the page's colours, light and dark.
"""

from ctk.report.figures import BASELINE, FONT_SIZE, GRID, INK, MUTED, SERIES, axes, data_uri, figure_svg
from ctk.report.numbers import decimals_for, difference, duration, number
from ctk.report.page import write_report
from ctk.report.rendering import Fact, render_template
from ctk.report.who import best_baseline, spoken

__all__ = [
    "BASELINE",
    "FONT_SIZE",
    "GRID",
    "INK",
    "MUTED",
    "SERIES",
    "Fact",
    "axes",
    "best_baseline",
    "data_uri",
    "decimals_for",
    "difference",
    "duration",
    "figure_svg",
    "number",
    "render_template",
    "spoken",
    "write_report",
]
