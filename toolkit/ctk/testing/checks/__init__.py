"""The checks, in order: each is a function that looks at a case and writes down what it saw and what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from ctk.testing.case import Case
from ctk.testing.checks import config, hooks, imports, kinds, names, presets, requires, run, submission, truth

CHECKS: dict[str, Callable[[Case], None]] = {
    "hooks": hooks.look,
    "names": names.look,
    "kinds": kinds.look,
    "config": config.look,
    "requires_ctk": requires.look,
    "imports": imports.look,
    "presets": presets.look,
    "run": run.look,
    "submission": submission.look,
    "truth": truth.look,
}
