"""Plugins of one file: ``*.py`` in ``./ctk_plugins`` and in the folders of ``ctk --plugins-dir``.

They are modules of one package, ``ctk_plugins``, whose path is those folders, so that they can be imported by name in
every process and can import one another. Files that begin with an underscore are helpers, not plugins.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

PACKAGE = "ctk_plugins"
VARIABLE = "CTK_PLUGINS_DIR"
"""Folders, separated as in PATH; set by ``--plugins-dir``, so that worker processes find them too."""


def folders() -> list[Path]:
    """The folders that may hold plugins, those that were named first."""
    named = [Path(part) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    return [folder.absolute() for folder in (*(each.expanduser() for each in named), Path(PACKAGE)) if folder.is_dir()]


def mount() -> None:
    """Make the folders one package. Called again when they may have changed."""
    if not (places := [str(folder) for folder in folders()]):
        return
    package = sys.modules.setdefault(PACKAGE, ModuleType(PACKAGE, "One-file plugins of ctk."))
    package.__path__ = places


def find_files() -> list[Path]:
    """The files that are plugins; of two with one name, the first."""
    by_name: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_"):
                by_name.setdefault(path.stem, path)
    return list(by_name.values())
