"""The environment variables that choose among plugins.

CTK_PLUGINS          only these, separated by commas; empty means none
CTK_DISABLE_PLUGINS  all but these
CTK_STRICT_PLUGINS   1: a broken plugin ends every command that would load plugins

A plugin goes by its own name or its distribution's. The core's own components are always there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from ctk.errors import nearest
from ctk.plugins.plugin import Plugin

ALLOW, DENY, STRICT = "CTK_PLUGINS", "CTK_DISABLE_PLUGINS", "CTK_STRICT_PLUGINS"


def strict() -> bool:
    """Whether one broken plugin is one too many."""
    return os.environ.get(STRICT, "") not in ("", "0")


def disabling_variable(plugin: Plugin) -> str:
    """The variable that turns a plugin off, empty where none does."""
    allowed = os.environ.get(ALLOW)
    if allowed is not None and not any(plugin.is_called(name) for name in _names(allowed)):
        return ALLOW
    return DENY if any(plugin.is_called(name) for name in _names(os.environ.get(DENY, ""))) else ""


def unknown_names(found: Iterable[Plugin]) -> list[str]:
    """A sentence for each name in the variables that no plugin goes by."""
    known = list(found)
    words = {word for plugin in known for word in (plugin.name, plugin.distribution)}
    return [
        f"{variable} names '{name}', which is not installed. {nearest(name, words, 'plugins')}"
        for variable in (ALLOW, DENY)
        for name in _names(os.environ.get(variable, ""))
        if not any(plugin.is_called(name) for plugin in known)
    ]


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]
