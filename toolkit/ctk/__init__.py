"""ctk, the competition toolkit: from raw data to a validated submission.

``run``, ``resume``, ``blend_runs``, ``validate``, ``score`` and ``filter_data`` do from Python what the command line
does. A plugin author needs ``hookimpl``, and what ``ctk.contract`` and ``ctk.samples`` define; the fast operations are
in ``ctk.ops`` and ``ctk.blend``. Importing this package imports no heavy library.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from ctk.hookspecs import hookimpl

__version__ = "0.1.0"

from ctk.api import blend_runs, filter_data, resume, run, score, validate

__all__ = ["__version__", "blend_runs", "filter_data", "hookimpl", "resume", "run", "score", "validate"]


def __getattr__(name: str) -> ModuleType:
    """``ctk.ops`` and ``ctk.blend``, imported when first used (PEP 562)."""
    if name in {"blend", "ops"}:
        return import_module(f"ctk.{name}")
    raise AttributeError(f"module 'ctk' has no attribute '{name}'")
