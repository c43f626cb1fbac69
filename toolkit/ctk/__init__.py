"""ctk, the competition toolkit: from raw data to a validated submission.

``run``, ``resume``, ``cross_validate``, ``ablate``, ``blend_runs``, ``pack``, ``validate``, ``score`` and
``filter_data`` do from Python what the command line does. A plugin author needs ``hookimpl``, and what ``ctk.contract``
and ``ctk.samples`` define; the fast operations are in ``ctk.ops`` and ``ctk.blend``. Importing this package imports no
heavy library: those names, and the modules ``api``, ``blend`` and ``ops``, are imported when they are first used (PEP
562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ctk.hookspecs import hookimpl

if TYPE_CHECKING:
    from ctk.api import ablate, blend_runs, cross_validate, filter_data, pack, resume, run, score, validate

__version__ = "0.2.0"
__all__ = [
    "__version__",
    "ablate",
    "blend_runs",
    "cross_validate",
    "filter_data",
    "hookimpl",
    "pack",
    "resume",
    "run",
    "score",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name in {"api", "blend", "ops"}:
        return import_module(f"ctk.{name}")
    if name in __all__:
        return getattr(import_module("ctk.api"), name)
    raise AttributeError(f"module 'ctk' has no attribute '{name}'")
