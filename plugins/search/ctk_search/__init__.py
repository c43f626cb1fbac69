"""Hyper-parameter search with Optuna: every trial a run of its own."""

from __future__ import annotations

from typing import Any

__all__ = ["SearchResult", "search"]


def __getattr__(name: str) -> Any:
    """Optuna is imported when something is searched for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ctk_search import api

    return getattr(api, name)
