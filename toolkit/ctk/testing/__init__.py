"""What a plugin author tests with.

    from ctk.testing import check_plugin

    def test_the_plugin_keeps_the_contract():
        check_plugin("my-plugin")

With pytest come the fixtures of ``ctk.testing.pytest_plugin``. This package imports nothing before it is used: pytest
loads it in every session of an environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from ctk.testing.findings import Problem, Report

__all__ = ["Problem", "Report", "check_plugin"]


def check_plugin(
    plugin: str | Path | ModuleType,
    *,
    competition: str | None = None,
    overrides: Mapping[str, Sequence[str]] | None = None,
) -> Report:
    """Check that a plugin keeps the contract; returns what was looked at.

    Hooks, names, kinds and config keys are looked at; each of its components and competitions then goes through dry
    runs of two steps, on the CPU, twice with the same seed and once more from what was saved; and submissions are
    written, read back, damaged and scored. Everything happens in temporary folders, and the process is left as it was.

    plugin       the name of its entry point, its module, or the path of a one-file plugin
    competition  an installed one to run components in. By default those of the plugin itself are tried, then the toy
                 competition, which has regression, classification, retrieval and text
    overrides    config of those runs, by name of the component or competition: ``{"focal": ["members.0.epochs=1"]}``.
                 Paths in it must be absolute

    Default data that takes long to make is kept in $CTK_TEST_CACHE or $CTK_CACHE, if one is set.
    Raises AssertionError with everything that is wrong; UsageError where there is no such plugin.
    """
    from ctk.testing.conformance import examine

    report = examine(plugin, competition, overrides or {})
    if report.problems:
        raise AssertionError(str(report))
    return report
