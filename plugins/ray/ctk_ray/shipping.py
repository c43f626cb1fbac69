"""The runtime environment of a run's workers: variables, and the code of plugins that nodes cannot have installed."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from ctk.contract import WORKER
from ctk.hookspecs import GROUP
from ctk.machine import THREADS
from ctk.plugins import onefile
from ctk.plugins.plugin import BUILT_IN
from ctk.plugins.switches import ALLOW, DENY, STRICT
from ctk_ray.messages import Settings

PASSED = (ALLOW, DENY, STRICT, "CTK_NATIVE")
"""Variables that mean the same on every machine. Those that name folders do not: CTK_CACHE goes where it is shared."""
LEFT = shutil.ignore_patterns("__pycache__", ".git", ".gitignore")


def staged(elsewhere: bool) -> Path:
    """A folder of code to be the workers' working directory, which Python imports from.

    It has the one-file plugins as ``ctk_plugins``; and with ``elsewhere``, for machines that are not this one, plugins
    installed with ``pip install -e``, each with its metadata, so that it is found there as it is here.
    """
    place = Path(tempfile.mkdtemp(prefix="ctk-code-"))
    for folder in reversed(onefile.folders()):  # of two files with one name, the first folder's counts
        shutil.copytree(folder, place / onefile.PACKAGE, dirs_exist_ok=True, ignore=LEFT)
    for distribution in _editable() if elsewhere else ():
        for path in _sources(distribution):
            if path.is_dir():
                shutil.copytree(path, place / path.name, dirs_exist_ok=True, ignore=LEFT)
            else:
                shutil.copy(path, place)
        metadata = place / f"{distribution.name.replace('-', '_')}-{distribution.version}.dist-info"
        metadata.mkdir(exist_ok=True)
        for name in ("METADATA", "entry_points.txt"):
            (metadata / name).write_text(distribution.read_text(name) or "", encoding="utf-8")
    return place


def environment(settings: Settings, code: Path) -> dict[str, Any]:
    """Ray's ``runtime_env``."""
    variables = {WORKER: "1", **dict.fromkeys(THREADS, str(settings.threads))}
    variables |= {name: os.environ[name] for name in PASSED if name in os.environ}
    if settings.artefacts == "shared" and "CTK_CACHE" in os.environ:
        variables["CTK_CACHE"] = str(Path(os.environ["CTK_CACHE"]).absolute())
    return {"env_vars": variables} | ({"working_dir": str(code)} if any(code.iterdir()) else {})


def _editable() -> Iterator[Distribution]:
    """Installed plugins whose source is a folder of this machine. The toolkit itself has to be on every node."""
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
