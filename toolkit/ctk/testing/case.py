"""What checks share: the plugin, the folders, what its author said, and the report they write to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctk.testing.home import Home
from ctk.testing.report import Problem, Report
from ctk.testing.subject import Subject

if TYPE_CHECKING:
    from ctk.testing.trial import Trial


@dataclass
class Case:
    """One call of ``check_plugin``.

    competition  for components, instead of one of the plugin's own or the toy competition
    overrides    by name of a component or competition, "key=value" each
    trials       the runs that were made; filled by the check "run", read by those after it
    broken       kinds and names that earlier checks found unfit to be run
    """

    subject: Subject
    home: Home
    report: Report
    competition: str | None = None
    overrides: Mapping[str, Sequence[str]] = field(default_factory=dict)
    trials: list[Trial] = field(default_factory=list)
    broken: set[tuple[str, str]] = field(default_factory=set)
    check: str = ""

    def saw(self, what: str) -> None:
        """Write down what the check at hand has looked at."""
        self.report.checked.setdefault(self.check, []).append(what)

    def wrong(self, what: str, help: str = "") -> None:
        """Write down what the check at hand has found wrong."""
        self.report.problems.append(Problem(self.check, what, help))
