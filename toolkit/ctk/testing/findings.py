"""What a check of a plugin found: what was looked at, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctk.testing.home import Home
    from ctk.testing.short_runs import ShortRun
    from ctk.testing.subject import Offer, Subject


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the check that found it, what is wrong, and what to do."""

    check: str
    what: str
    help: str = ""

    def __str__(self) -> str:
        return f"{self.check}: {self.what}" + (f"\n    {self.help}" if self.help else "")


@dataclass
class Report:
    """The report of ``check_plugin``.

    plugin    its name
    checked   by check, what was looked at: "loss focal", "preset quick of my-competition"
    problems  in the order they were found; empty for a plugin that keeps the contract
    """

    plugin: str
    checked: dict[str, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def __str__(self) -> str:
        looked = ", ".join(f"{check} ({len(things)})" for check, things in self.checked.items() if things)
        if not self.problems:
            return f"Plugin '{self.plugin}' keeps the contract: {looked}."
        count = "one problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        return "\n".join([f"Plugin '{self.plugin}' has {count}.", *(f"  {problem}" for problem in self.problems)])


@dataclass
class Examination:
    """What the checks of one ``check_plugin`` share: the plugin, the folders, what its author said, the report.

    competition  for components, instead of one of the plugin's own or the toy competition
    overrides    by name of a component or competition, "key=value" each
    runs         the runs that were made; filled by the check "run", read by those after it
    broken       kinds and names that earlier checks found unfit to be run
    """

    subject: Subject
    home: Home
    report: Report
    competition: str | None = None
    overrides: Mapping[str, Sequence[str]] = field(default_factory=dict)
    runs: list[ShortRun] = field(default_factory=list)
    broken: set[tuple[str, str]] = field(default_factory=set)
    check: str = ""

    def saw(self, what: str) -> None:
        """Write down what the check at hand has looked at."""
        self.report.checked.setdefault(self.check, []).append(what)

    def wrong(self, what: str, help: str = "") -> None:
        """Write down what the check at hand has found wrong."""
        self.report.problems.append(Problem(self.check, what, help))

    def sound(self, kind: str) -> list[Offer]:
        """The plugin's things of a kind in which earlier checks found nothing that keeps them from being tried."""
        return [offer for offer in self.subject.of(kind) if (offer.kind, offer.name) not in self.broken]
