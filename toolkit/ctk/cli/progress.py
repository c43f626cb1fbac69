"""How far long work is, on the terminal."""

from __future__ import annotations

from ctk.cli.printing import console
from ctk.workflow.work_bars import WorkBars


class ProgressBars(WorkBars):
    """Progress of long work, called as ``progress(what, done, total)``.

    The bars stay on the screen when everything that was begun is done.
    """

    def __init__(self, quiet: bool = False) -> None:
        super().__init__(console, quiet=quiet)
