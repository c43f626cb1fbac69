"""What a check of a plugin found: what was looked at, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    """What ``check_plugin`` did.

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
