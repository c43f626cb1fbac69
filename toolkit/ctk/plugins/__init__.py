"""Finding and guarding plugins.

Finding reads metadata and source, and imports nothing (``discovery``, ``source``). Looking something up imports the one
plugin that offers it, inside a guard (``registry``): one that fails is kept with its reason, and is fatal only for a
command that needs it. ``check`` imports all of them, each in a process of its own.
"""

from __future__ import annotations

from functools import cache

from ctk.plugins import switches
from ctk.plugins.discovery import core_plugin, discover
from ctk.plugins.onefile import mount
from ctk.plugins.plugin import KINDS, Component, Plugin
from ctk.plugins.registry import Plugins

__all__ = ["KINDS", "Component", "Plugin", "Plugins", "built_in", "discover", "plugins"]

# Workers unpickle what one-file plugins define, before they look anything up.
mount()


@cache
def built_in() -> Plugins:
    """The core's own plugin alone: what it offers is there however broken others are."""
    return Plugins([core_plugin()])


@cache
def plugins() -> Plugins:
    """The plugins of this environment, found once a process.

    Raises PluginError where $CTK_STRICT_PLUGINS is set and one of them is broken.
    """
    found = Plugins()
    if switches.strict():
        found.load_all()
    return found
