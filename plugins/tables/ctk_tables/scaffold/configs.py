"""Presets and spaces of a package, as YAML files that say in words what they are."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from ctk.files import dump_yaml
from ctk_tables.description import TableDescription
from ctk_tables.presets import left_out, presets_for, spaces_for

WIDTH = 116
ABOUT = {
    "quick": "Seconds to a minute: to see that everything works, and where the floor is.",
    "default": "What `ctk run` does: the members worth having, in minutes.",
    "best": "More folds and seeds of everything, for the end: an hour and more.",
    "trees": "For `ctk search --space trees`: the options of boosted trees that matter.",
    "network": "For `ctk search --space network`: width, depth, learning rate and what holds a network back.",
}


def config_files(description: TableDescription, rows: int) -> dict[str, str]:
    """The texts of ``presets/*.yaml`` and ``spaces/*.yaml``, by their paths in the package."""
    installed = {each.name for each in entry_points(group="ctk")}
    files = {
        f"presets/{name}.yaml": _text(preset, ABOUT.get(name), *left_out(installed))
        for name, preset in presets_for(description, rows, installed).items()
    }
    spaces = spaces_for(description, installed)
    return {**files, **{f"spaces/{name}.yaml": _text(space, ABOUT.get(name)) for name, space in spaces.items()}}


def _text(config: Mapping[str, Any], *comments: str | None) -> str:
    """A config under its comments; each member, and what is short, has a line."""
    head = "".join(f"# {comment}\n" for comment in comments if comment)
    return head + dump_yaml(config, default_flow_style=None, width=WIDTH)
