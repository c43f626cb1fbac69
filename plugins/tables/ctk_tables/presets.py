"""Presets and search spaces for a table: which members, on which folds, with how much of each for so many rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ctk_tables.description import TableDescription

__all__ = ["TREES", "left_out", "presets_for", "spaces_for"]

TREES = ("lightgbm", "xgboost", "catboost")
"""Models of boosted trees; each is of a plugin of its own."""


def presets_for(description: TableDescription, rows: int, installed: Collection[str]) -> dict[str, dict[str, Any]]:
    """The presets ``quick``, ``default`` and ``best`` of a table.

    description  of the table
    rows         of the training file
    installed    models that are registered, such as ``lightgbm``; members of others are left out (see ``left_out``)
    """
    split = {"scheme": "stratified", "stratify": "label", "folds": 5, "use": 5}
    members = [{"name": "linear", "model": "linear"}]
    members += [{"name": name, "model": name} for name in TREES if name in installed]
    config = {"split": split, "seeds": [1], "members": members, "blend": "hill-climb"}
    return {"quick": config, "default": config, "best": config}


def left_out(installed: Collection[str]) -> list[str]:
    """Sentences about members that are left out because their library is not installed."""
    return [
        f"No member of {name}: it is not installed (pip install ctk-{name}, then make the presets anew)."
        for name in TREES
        if name not in installed
    ]


def spaces_for(description: TableDescription, installed: Collection[str] = TREES) -> dict[str, dict[str, Any]]:
    """The spaces ``trees`` and ``network`` of ``ctk search``."""
    spaces: Mapping[str, dict[str, Any]] = {"trees": {"preset": "default"}}
    return dict(spaces)
