"""What loading a plugin or a component showed, so that it can be told without loading it again.

Why plugins failed, for listings; the options of components with the values that can be named, for completion. What was
kept counts as long as the distribution's version and the file are the same. A cache that cannot be written does not
matter.
"""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict

from ctk.errors import CtkError
from ctk.files import cache_folder, read_json, write_json
from ctk.plugins import source
from ctk.plugins.plugin import Component, Plugin

FAILURES, OPTIONS = "plugins.json", "options.json"


class RememberedOptions(TypedDict):
    """The config keys of a component, each with the values that can be named.

    training  those of a model's own training schema; None where it is trained as a network
    """

    own: dict[str, list[str]]
    training: dict[str, list[str]] | None


def recall(plugin: Plugin) -> str:
    """The reason of the last failure, if the plugin is still the same; else nothing."""
    kept = _read(FAILURES).get(_key(plugin), {})
    if not kept or kept.get("stamp") != _stamp(plugin, plugin.path):
        return ""
    return f"{kept['problem']} (when it was last loaded, {kept['when']})"


def remember(plugin: Plugin, problem: str) -> None:
    """Keep a failure, or forget an old one where ``problem`` is empty."""
    when = f"{datetime.now():%Y-%m-%d %H:%M}"
    entry = {"stamp": _stamp(plugin, plugin.path), "problem": problem, "when": when}
    _write(FAILURES, _key(plugin), entry if problem else None)


def recall_options(component: Component, plugin: Plugin) -> RememberedOptions | None:
    """The options of a component that was offered as a string, if it is still the same; else None."""
    kept = _read(OPTIONS).get(f"{_key(plugin)} {component.address}", {})
    if not kept or kept.get("stamp") != _stamp(plugin, _path(component)):
        return None
    return RememberedOptions(own=kept["own"], training=kept["training"])


def remember_options(component: Component, plugin: Plugin, options: RememberedOptions) -> None:
    """Keep what its loading showed."""
    if component.address:
        entry = {"stamp": _stamp(plugin, _path(component)), **options}
        _write(OPTIONS, f"{_key(plugin)} {component.address}", entry)


def _read(file: str) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = read_json(cache_folder() / file, dict[str, Any])
    except CtkError:
        return {}
    return kept


def _write(file: str, key: str, entry: dict[str, Any] | None) -> None:
    """Keep an entry, or forget it."""
    if multiprocessing.parent_process() is not None:  # several workers would write at once what the driver knows
        return
    with suppress(OSError, CtkError):
        kept = _read(file)
        if kept.get(key) == entry:
            return
        kept.pop(key, None)
        write_json(cache_folder() / file, kept if entry is None else {**kept, key: entry})


def _key(plugin: Plugin) -> str:
    return f"{plugin.distribution}:{plugin.name}:{plugin.path}"


def _path(component: Component) -> Path | None:
    with suppress(CtkError):
        return source.find_source(component.address.partition(":")[0])
    return None


def _stamp(plugin: Plugin, path: Path | None) -> list[Any]:
    try:
        facts = path.stat() if path else None
    except OSError:
        facts = None
    return [plugin.version, facts.st_mtime_ns if facts else 0, facts.st_size if facts else 0]
