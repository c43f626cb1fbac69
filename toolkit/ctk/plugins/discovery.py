"""Every plugin there is, by metadata and source alone."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points, version
from pathlib import Path

from ctk import hookspecs
from ctk.errors import PluginError
from ctk.plugins import onefile, source, switches, versions
from ctk.plugins.load_cache import recall
from ctk.plugins.plugin import BUILT_IN, Plugin, reason
from ctk.plugins.tracing import CORE


def discover() -> list[Plugin]:
    """The core's own plugin, those of installed distributions by name, and one-file plugins. Imports none of them.

    A plugin whose source shows that it cannot work has its ``problem``; so has one that failed when it was last loaded
    and has not changed since.
    """
    found = [core_plugin()]
    entries, damaged = _entries()
    found += [_installed(entry) for entry in sorted(entries, key=lambda each: each.name)] + damaged
    onefile.mount()
    for path in onefile.find_files():
        found.append(Plugin(path.stem, str(path), "", f"{onefile.PACKAGE}.{path.stem}", path=path))
    for plugin in found[1:]:
        _look_at(plugin)
    return found


@cache
def core_version() -> str:
    """The version of the toolkit that is installed."""
    return version("competition-toolkit")


def core_plugin() -> Plugin:
    """Find the core's own plugin, without looking for any other."""
    plugin = Plugin(CORE, BUILT_IN, core_version(), "ctk.components")
    _look_at(plugin)
    return plugin


def _entries() -> tuple[list[EntryPoint], list[Plugin]]:
    """The entry points of the group, and a broken plugin for each distribution whose entry points cannot be read."""
    with suppress(Exception):
        return list(entry_points(group=hookspecs.GROUP)), []
    entries: list[EntryPoint] = []  # one of the files is no text, or no such list: go through all of them
    damaged: list[Plugin] = []
    for dist in distributions():
        try:
            entries += dist.entry_points.select(group=hookspecs.GROUP)
        except Exception as error:
            name, version = _by_folder(dist)
            problem = f"its entry points cannot be read: {reason(error)}"
            damaged.append(Plugin(name, name, version, "", problem=problem))
    return entries, damaged


def _installed(entry: EntryPoint) -> Plugin:
    dist = entry.dist
    if dist is None:
        return Plugin(entry.name, "?", "", entry.module, entry.attr)
    name, version = _by_folder(dist)
    plugin = Plugin(entry.name, name, version, entry.module, entry.attr)
    try:
        plugin.distribution = dist.metadata["Name"] or name
        plugin.version = dist.metadata["Version"] or version
        plugin.requires = versions.required_versions(dist.requires or ())
    except Exception as error:  # a file that is no text
        plugin.problem = f"its metadata cannot be read: {reason(error)}"
    return plugin


def _by_folder(dist: Distribution) -> tuple[str, str]:
    """Name and version as the folder of the metadata has them, so that damaged ones can be uninstalled by name."""
    name, _, version = Path(str(getattr(dist, "_path", "?"))).stem.partition("-")
    return name.replace("_", "-"), version


def _look_at(plugin: Plugin) -> None:
    own = plugin.distribution == BUILT_IN
    plugin.disabled = "" if own else switches.disabling_variable(plugin)
    if plugin.problem:
        return
    try:
        if plugin.path is None:
            plugin.path = source.find_source(plugin.module)
        source.read_offers(plugin)
    except PluginError as error:
        plugin.problem, plugin.offers = error.problem, []
        return
    if not own:
        plugin.problem = versions.mismatch(plugin, core_version())
        plugin.recalled = recall(plugin)
