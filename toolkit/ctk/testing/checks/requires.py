"""The versions of the toolkit that the plugin says it needs are a range, and this version is in it."""

from __future__ import annotations

from ctk import __version__
from ctk.plugins import versions
from ctk.testing.case import Case


def look(case: Case) -> None:
    """``requires_ctk`` of the module, and what the distribution's metadata ask for."""
    own = getattr(case.subject.module, "requires_ctk", "")
    if own and own != case.subject.plugin.requires:
        case.wrong(
            f"requires_ctk is {own!r}, which is not written as a string in the plugin's module",
            'It is read without importing: requires_ctk = ">=0.1,<0.2".',
        )
    if problem := versions.mismatch(case.subject.plugin, __version__):
        case.wrong(problem)
    if case.subject.plugin.requires:
        case.saw(case.subject.plugin.requires)
