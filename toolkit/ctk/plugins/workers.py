"""What workers on other machines need of this one's plugins, for executors that start some there."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import shutil
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from ctk.hookspecs import GROUP
from ctk.machine import THREADS, WORKER
from ctk.plugins import onefile
from ctk.plugins.plugin import BUILT_IN
from ctk.plugins.switches import ALLOW, DENY, STRICT

PASSED = (ALLOW, DENY, STRICT, "CTK_NATIVE")
"""Variables that mean the same on every machine. Those that name folders do not: CTK_CACHE goes where it is shared."""
LEFT = shutil.ignore_patterns("__pycache__", ".git", ".gitignore")


def worker_variables(threads: int) -> dict[str, str]:
    """Environment variables of a worker: that it is one, its threads, and which plugins and kernels it may use."""
    variables = {WORKER: "1", **dict.fromkeys(THREADS, str(threads))}
    return variables | {name: os.environ[name] for name in PASSED if name in os.environ}


def copy_plugins(folder: Path, installed: bool) -> None:
    """Copy the code of plugins into a folder that workers import from.

    These are the one-file plugins, as ``ctk_plugins``; and with ``installed``, for machines that are not this one,
    plugins installed with ``pip install -e``, each with its metadata, so that it is found there as it is here. The
    toolkit itself has to be on every machine.
    """
    for source in reversed(onefile.folders()):  # of two files with one name, the first folder's counts
        shutil.copytree(source, folder / onefile.PACKAGE, dirs_exist_ok=True, ignore=LEFT)
    for distribution in _editable() if installed else ():
        for path in _sources(distribution):
            if path.is_dir():
                shutil.copytree(path, folder / path.name, dirs_exist_ok=True, ignore=LEFT)
            else:
                shutil.copy(path, folder)
        metadata = folder / f"{distribution.name.replace('-', '_')}-{distribution.version}.dist-info"
        metadata.mkdir(exist_ok=True)
        for name in ("METADATA", "entry_points.txt"):
            (metadata / name).write_text(distribution.read_text(name) or "", encoding="utf-8")


def unpickle(pickled: bytes) -> Any:
    """Load what a driver pickled for its worker; one-file plugins, which may define it, are found before."""
    onefile.mount()
    return pickle.loads(pickled)


def _editable() -> Iterator[Distribution]:
    """Installed plugins whose source is a folder of this machine."""
    for distribution in distributions():
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        editable = origin.get("dir_info", {}).get("editable", False)
        if editable and distribution.name != BUILT_IN and distribution.entry_points.select(group=GROUP):
            yield distribution


def _sources(distribution: Distribution) -> set[Path]:
    """Folders of the packages that a plugin's entry points are in, and files of its modules."""
    found = set()
    for entry in distribution.entry_points.select(group=GROUP):
        spec = importlib.util.find_spec(entry.module.partition(".")[0])
        if spec is not None and spec.origin is not None:
            path = Path(spec.origin)
            found.add(path.parent if path.name == "__init__.py" else path)
    return found
