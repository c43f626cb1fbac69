"""Finding and guarding plugins.

Listing reads metadata and imports nothing. Loading imports each plugin inside a guard: one that fails is kept with its
reason, and is fatal only for a run that needs something it would have offered.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from ctk import hookspecs
from ctk.errors import PluginError, UsageError, nearest

KINDS = {
    "competitions": "competition",
    "data": "data reader",
    "models": "model",
    "losses": "loss",
    "blenders": "blender",
    "metrics": "metric",
    "filters": "filter",
    "executors": "executor",
    "trackers": "tracker",
    "platforms": "platform",
    "commands": "command",
}
BUILT_IN = "ctk.components"


@dataclass
class Component:
    """One thing offered by one plugin: ``thing`` is the object or ``"module:attribute"``."""

    kind: str
    name: str
    thing: Any
    about: str
    plugin: str

    def load(self) -> Any:
        """The object itself, imported now if it was offered as a string. Raises PluginError with the reason."""
        if not isinstance(self.thing, str):
            return self.thing
        module, _, attribute = self.thing.partition(":")
        try:
            self.thing = getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"The {KINDS[self.kind]} '{self.name}' of plugin '{self.plugin}' does not load: {_reason(error)}.",
                "Mend or reinstall that plugin; `ctk plugins` shows all of them.",
            ) from error
        return self.thing


@dataclass
class Plugin:
    """An installed plugin: where it comes from, what it offers, and why it is broken if it is."""

    name: str
    distribution: str
    version: str
    entry: EntryPoint | None = None
    offers: list[Component] = field(default_factory=list)
    problem: str = ""


def installed() -> list[Plugin]:
    """Every plugin named by an entry point of the group, by metadata alone."""
    found = []
    for entry in sorted(entry_points(group=hookspecs.GROUP), key=lambda entry: entry.name):
        dist = entry.dist
        found.append(Plugin(entry.name, dist.name if dist else "?", dist.version if dist else "?", entry))
    return found


class Plugins:
    """The loaded plugins and a registry of what they offer. Use ``plugins()``; make one only in a test."""

    def __init__(self, found: list[Plugin] | None = None) -> None:
        from ctk import __version__

        self.manager = pluggy.PluginManager(hookspecs.GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.plugins = [Plugin("ctk", "competition-toolkit", __version__)]
        self._registry: dict[str, dict[str, Component]] = {kind: {} for kind in KINDS}
        self._adopt(self.plugins[0], importlib.import_module(BUILT_IN))
        for plugin in installed() if found is None else found:
            self.plugins.append(plugin)
            try:
                assert plugin.entry is not None
                self._adopt(plugin, plugin.entry.load())
            except (Exception, SystemExit) as error:
                plugin.problem = _reason(error)

    def call(self, hook: str, **arguments: Any) -> list[str]:
        """Call a hook of every plugin that has it. One that fails is passed over; returns a sentence for each."""
        problems = []
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            try:
                implementation.function(*(arguments[name] for name in implementation.argnames))
            except (Exception, SystemExit) as error:
                problems.append(f"plugin '{implementation.plugin_name}' failed in {hook}: {_reason(error)}")
        return problems

    def broken(self) -> list[Plugin]:
        """The plugins that did not load, each with its ``problem``."""
        return [plugin for plugin in self.plugins if plugin.problem]

    def all(self, kind: str) -> dict[str, Component]:
        """Everything of a kind by name, in order of registration."""
        return dict(self._registry[kind])

    def get(self, kind: str, name: str) -> Component:
        """One thing by kind and name. Raises UsageError with the nearest name, and names broken plugins."""
        components = self._registry[kind]
        if name in components:
            return components[name]
        help = nearest(name, components, what=f"{KINDS[kind]}s")
        for plugin in self.broken():
            help += f"\nPlugin '{plugin.name}' ({plugin.distribution} {plugin.version}) did not load: {plugin.problem}."
        raise UsageError(f"There is no {KINDS[kind]} '{name}'.", help)

    def load(self, kind: str, name: str) -> Any:
        """``get`` and import: the object that was registered."""
        return self.get(kind, name).load()

    def _adopt(self, plugin: Plugin, module: Any) -> None:
        """Check a plugin's hooks, collect what it offers, and only then let it in."""
        offers: list[Component] = []
        for name, hook in _implementations(module):
            if not hasattr(hookspecs, name):
                known = [known for known in vars(hookspecs) if known.startswith("ctk_")]
                raise PluginError(f"it implements a hook '{name}' that does not exist. {nearest(name, known, 'hooks')}")
            kind = name.removeprefix("ctk_register_")
            if kind in KINDS:
                hook(register=_collector(plugin, kind, offers))
        for offer in offers:
            if (other := self._registry[offer.kind].get(offer.name)) is not None:
                raise PluginError(
                    f"it offers the {KINDS[offer.kind]} '{offer.name}', which '{other.plugin}' has already"
                )
        self.manager.register(module, name=plugin.name)
        for offer in offers:
            self._registry[offer.kind][offer.name] = offer
        plugin.offers = offers


@cache
def plugins() -> Plugins:
    """The plugins of this environment, loaded once a process."""
    return Plugins()


def _collector(plugin: Plugin, kind: str, offers: list[Component]) -> hookspecs.Register:
    def register(name: str, thing: Any, about: str = "") -> None:
        if not isinstance(name, str) or not name:
            raise PluginError(f"it registers a {KINDS[kind]} under {name!r}, which is no name")
        if any(offer.kind == kind and offer.name == name for offer in offers):
            raise PluginError(f"it registers the {KINDS[kind]} '{name}' twice")
        offers.append(Component(kind, name, thing, about, plugin.name))

    return register


def _implementations(module: Any) -> Iterator[tuple[str, Any]]:
    for name, value in inspect.getmembers(module, callable):
        if name.startswith("ctk_") and hasattr(value, f"{hookspecs.GROUP}_impl"):
            yield name, value


def _reason(error: BaseException) -> str:
    if isinstance(error, PluginError):
        return error.problem
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    return f"{type(error).__name__}: {error}"
