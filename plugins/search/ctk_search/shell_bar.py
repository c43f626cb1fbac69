"""How far a search is, where IPython called it: a notebook's cell, or a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctk.api import shell_observer
from ctk_search.searching import Observer, Searching

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class ShellBar(Observer):
    """One bar of all trials; a script sees nothing."""

    def begin(self, search: Searching) -> None:
        """Draw what was done before."""
        self.shell = shell_observer()
        self.done, self.wanted = len(search.book.trials()), search.settings.trials
        self.shell.working("trials", self.done, self.wanted)

    def ended(self, trial: FrozenTrial) -> None:
        """Move the bar."""
        self.done += 1
        self.shell.working("trials", self.done, self.wanted)
