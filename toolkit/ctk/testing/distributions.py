"""Modules made to look installed: a folder on the path with the metadata that ``pip install`` would have left."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def lay(folder: Path, name: str, module: str, version: str = "1.0", requires: str = "") -> Path:
    """Write the metadata of a distribution with one entry point ``name = module`` in group ``ctk``; returns its folder.

    requires  a line of its Requires-Dist, such as "competition-toolkit>=0.1"
    """
    facts = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    facts.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requires}"] if requires else []
    (facts / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text(f"[ctk]\n{name} = {module}\n", encoding="utf-8")
    return facts


@contextmanager
def on_path(folder: Path) -> Iterator[None]:
    """Import from a folder first, here and in processes started meanwhile; plugins are found anew before and after."""
    before = os.environ.get("PYTHONPATH")
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), before]))
    find_anew()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
        find_anew()


def find_anew() -> None:
    """Forget which plugins this process found: the path, or a variable that chooses among them, has changed."""
    from ctk.plugins import plugins

    importlib.invalidate_caches()
    plugins.cache_clear()
