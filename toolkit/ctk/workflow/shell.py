"""Who is told how a run goes where a shell of IPython called it: a notebook's cell, or a terminal."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.progress import Progress

from ctk.workflow.fit_bars import FitBars
from ctk.workflow.observer import Observer, SilentObserver

EVERY = 0.2
"""Seconds between two drawings in a cell: each is a message to the browser."""


class CellBars(Progress):
    """Progress that is drawn in a notebook's cell and drawn anew in its place, which needs no widgets."""

    def start(self) -> None:
        """Draw it for the first time."""
        self.drawn_at = time.monotonic()
        self.cell = import_module("IPython.display").display(self, display_id=True)

    def update(self, *arguments: Any, **changes: Any) -> None:
        """Change a bar, and draw all of them unless that was done just now."""
        super().update(*arguments, **changes)
        if time.monotonic() - self.drawn_at > EVERY:
            self.refresh()

    def refresh(self) -> None:
        """Draw it anew."""
        self.drawn_at = time.monotonic()
        self.cell.update(self)

    def stop(self) -> None:
        """Leave it as it is."""
        self.refresh()


def shell_observer(metric: str = "") -> Observer:
    """Bars in a notebook's cell or on IPython's terminal; nobody is told where a script called."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if not shell:
        return SilentObserver()
    if not hasattr(shell, "kernel"):
        return FitBars(metric, Console(markup=False, highlight=False))
    plain = Console(force_jupyter=False, force_terminal=False, width=120, markup=False, highlight=False)
    return FitBars(metric, plain, CellBars)
