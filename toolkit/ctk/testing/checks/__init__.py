"""The checks, in order: each is a function that looks at a plugin and writes down what it saw and what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from ctk.testing.checks import competitions, dry_runs, registrations, signatures
from ctk.testing.findings import Examination

CHECKS: dict[str, Callable[[Examination], None]] = {
    "hooks": registrations.check_hooks,
    "names": registrations.check_names,
    "kinds": signatures.check_kinds,
    "config": signatures.check_options,
    "requires_ctk": registrations.check_requires,
    "imports": registrations.check_imports,
    "presets": competitions.check_presets,
    "run": dry_runs.check_runs,
    "submission": competitions.check_submissions,
    "truth": competitions.check_truth,
}
