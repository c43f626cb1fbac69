"""Why plugins failed when they were last loaded, so that a listing can say so without loading them again."""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from ctk.errors import CtkError
from ctk.files import cache_folder, read_json, write_json
from ctk.plugins.plugin import Plugin


def recall(plugin: Plugin) -> str:
    """The reason of the last failure, if the plugin is still the same; else nothing."""
    kept = _kept().get(_key(plugin), {})
    if not kept or kept.get("stamp") != _stamp(plugin):
        return ""
    return f"{kept['problem']} (when it was last loaded, {kept['when']})"


def remember(plugin: Plugin, problem: str) -> None:
    """Keep a failure, or forget an old one where ``problem`` is empty. A cache that cannot be written is no matter."""
    if multiprocessing.parent_process() is not None:  # several workers would write at once what the driver knows
        return
    with suppress(OSError, CtkError):
        kept = _kept()
        if not problem and kept.pop(_key(plugin), None) is None:
            return
        if problem:
            when = f"{datetime.now():%Y-%m-%d %H:%M}"
            kept[_key(plugin)] = {"stamp": _stamp(plugin), "problem": problem, "when": when}
        _path().parent.mkdir(parents=True, exist_ok=True)
        write_json(_path(), kept)


def _path() -> Path:
    return cache_folder() / "plugins.json"


def _kept() -> dict[str, Any]:
    try:
        kept = read_json(_path())
    except (OSError, ValueError, CtkError):
        return {}
    return dict(kept) if isinstance(kept, dict) else {}


def _key(plugin: Plugin) -> str:
    return f"{plugin.distribution}:{plugin.name}:{plugin.path}"


def _stamp(plugin: Plugin) -> list[Any]:
    try:
        facts = plugin.path.stat() if plugin.path else None
    except OSError:
        facts = None
    return [plugin.version, facts.st_mtime_ns if facts else 0, facts.st_size if facts else 0]
