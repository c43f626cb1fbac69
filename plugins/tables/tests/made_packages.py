"""Packages as ``ctk new competition --data`` makes them, imported without being installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ctk.contract import Draft, Inspection
from ctk_tables.scaffold.options import TableOptions
from ctk_tables.scaffold.table_scaffold import TableScaffold


def drafted(folder: Path, **said: Any) -> tuple[Inspection, Draft]:
    """What a scaffold finds in a folder, and the package that it drafts."""
    options, scaffold = TableOptions(**said), TableScaffold()
    inspection = scaffold.inspect(folder, options)
    return inspection, scaffold.draft("made-thing", "ctk_made_thing", folder, options, inspection)


@contextmanager
def imported(draft: Draft, place: Path) -> Iterator[ModuleType]:
    """The package's module ``competition``, from files below a folder."""
    (place / "ctk_made_thing").mkdir(parents=True)
    (place / "ctk_made_thing" / "__init__.py").write_text("")
    for path, content in draft.files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    sys.path.insert(0, str(place))
    try:
        yield importlib.import_module("ctk_made_thing.competition")
    finally:
        sys.path.remove(str(place))
        for name in [name for name in sys.modules if name.partition(".")[0] == "ctk_made_thing"]:
            del sys.modules[name]
        importlib.invalidate_caches()
