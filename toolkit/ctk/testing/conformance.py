"""All checks of a plugin, one after another; a check that itself fails is a finding."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from ctk.errors import PluginError
from ctk.testing.checks import CHECKS
from ctk.testing.findings import Examination, Problem, Report
from ctk.testing.home import home_in
from ctk.testing.subject import find_subject, import_subject, locate_error


def examine(
    plugin: str | Path | ModuleType,
    competition: str | None,
    overrides: Mapping[str, Sequence[str]],
    checks: Mapping[str, Callable[[Examination], None]] = CHECKS,
) -> Report:
    """Check a plugin as ``ctk.testing.check_plugin`` does, with problems in the report that is returned.

    checks  those of ``CHECKS``, or some of them
    """
    path = plugin.absolute() if isinstance(plugin, Path) else plugin
    if isinstance(path, str) and path.endswith(".py"):
        path = Path(path).absolute()  # before the current folder is another
    with (
        tempfile.TemporaryDirectory(prefix="ctk-check-") as folder,
        home_in(Path(folder), keep_cache=True) as home,
        find_subject(path, Path(folder) / "metadata") as known,
    ):
        report = Report(known.name)
        try:
            subject = import_subject(known)
        except PluginError as error:
            report.problems.append(Problem("import", error.problem, "A plugin's module has to be importable."))
            return report
        exam = Examination(subject, home, report, competition, overrides)
        for name, look in checks.items():
            exam.check = name
            report.checked[name] = []
            try:
                look(exam)
            except (Exception, SystemExit) as error:
                exam.wrong(f"the check ended in {locate_error(error)}", "The plugin raises where it should not.")
    return report
