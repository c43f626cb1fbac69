"""What a competitor sees of a run while it goes, on the terminal."""

from __future__ import annotations

from ctk.cli.printing import console
from ctk.workflow.fit_bars import FitBars


class RunProgress(FitBars):
    """Observer of a run that draws a bar a part and one for all on the terminal; lines where it cannot redraw."""

    def __init__(self, metric: str, quiet: bool = False) -> None:
        super().__init__(metric, console, quiet=quiet)
