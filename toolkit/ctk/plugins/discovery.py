"""Every plugin there is, by metadata and source alone."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from ctk import hookspecs
from ctk.errors import PluginError
from ctk.plugins import onefile, source, switches, versions
from ctk.plugins.plugin import BUILT_IN, Plugin
from ctk.plugins.remembered import recall


def discover() -> list[Plugin]:
    """The core's own plugin, those of installed distributions by name, and one-file plugins. Imports none of them.

    A plugin whose source shows that it cannot work has its ``problem``; so has one that failed when it was last loaded
    and has not changed since.
    """
    found = [_built_in()]
    found += [_installed(entry) for entry in sorted(entry_points(group=hookspecs.GROUP), key=lambda each: each.name)]
    onefile.mount()
    for path in onefile.found():
        found.append(Plugin(path.stem, str(path), "", f"{onefile.PACKAGE}.{path.stem}", path=path))
    for plugin in found:
        _look_at(plugin)
    return found


def _built_in() -> Plugin:
    from ctk import __version__

    return Plugin("ctk", BUILT_IN, __version__, "ctk.components")


def _installed(entry: EntryPoint) -> Plugin:
    dist = entry.dist
    if dist is None:
        return Plugin(entry.name, "?", "", entry.module, entry.attr)
    # Damaged metadata must not stop `ctk uninstall` from naming what to uninstall.
    name, version = dist.metadata["Name"] or "?", dist.metadata["Version"] or "?"
    plugin = Plugin(entry.name, name, version, entry.module, entry.attr)
    plugin.requires = versions.required(dist.requires or ())
    return plugin


def _look_at(plugin: Plugin) -> None:
    from ctk import __version__

    own = plugin.distribution == BUILT_IN
    plugin.disabled = "" if own else switches.turned_off(plugin)
    try:
        if plugin.path is None:
            plugin.path = source.find(plugin.module)
        source.read(plugin)
    except PluginError as error:
        plugin.problem, plugin.offers = error.problem, []
        return
    if not own:
        plugin.problem = versions.mismatch(plugin, __version__)
        plugin.recalled = recall(plugin)
