"""The registry: looking components up by name, importing the one plugin that offers them, calling lifecycle hooks."""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pluggy

from ctk import hookspecs
from ctk.errors import PluginError, UsageError, near, nearest
from ctk.plugins import load_cache, source
from ctk.plugins.discovery import discover
from ctk.plugins.plugin import BUILT_IN, KINDS, OTHERS, Component, Plugin, reason, removal
from ctk.plugins.raised import is_users
from ctk.plugins.tracebacks import keep_traceback
from ctk.plugins.tracing import trace_call, waiting_for


class Plugins:
    """Every plugin that was found, loaded as it is needed. Use ``plugins()``; make one only in a test."""

    def __init__(self, found: list[Plugin] | None = None) -> None:
        self.plugins = discover() if found is None else found
        self.preferred = ""
        self._manager = pluggy.PluginManager(hookspecs.GROUP)
        self._manager.add_hookspecs(hookspecs)

    def beside(self, kind: str, name: str) -> Plugins:
        """A view of this registry that prefers, of components with one name, that of this one's distribution."""
        view = copy.copy(self)
        view.preferred = found.distribution if (found := self._find(kind, name)) else ""
        return view

    # Looking things up ---------------------------------------------------------------------------------------------

    def all(self, kind: str) -> dict[str, Component]:
        """Everything of a kind by the name it goes by; plugins whose names only importing tells are imported."""
        self._load_computed(kind)
        return self.known(kind)

    def known(self, kind: str) -> dict[str, Component]:
        """What is known of a kind without importing anything, by the name it goes by: for listing and completing."""
        offered = self._offered(kind)
        return {self._name(component, offered): component for component in offered}

    def get(self, kind: str, name: str) -> Component:
        """One thing by kind and name, or ``distribution:name``; its plugin is loaded.

        Raises UsageError where there is none, with the nearest name and what is broken or turned off, or where several
        plugins have one; PluginError where its plugin does not load.
        """
        component = self._find(kind, name)
        if component is None:
            self._load_computed(kind)
            component = self._find(kind, name)
        if component is None:
            raise self._missing(kind, name)
        plugin = self.plugin_of(component)
        self.load_plugin(plugin)
        if plugin.problem:
            raise PluginError(
                f"The {KINDS[kind]} '{name}' is offered by plugin {plugin.title}, which does not load: "
                f"{plugin.problem}.",
                f"Mend it, or {removal(plugin.distribution)}; `ctk plugins` shows all of them.",
            )
        found = self._find(kind, name)
        if found is None:
            raise PluginError(
                f"Plugin {plugin.title} does not register the {KINDS[kind]} '{name}' that is in its source."
            )
        return found

    def load(self, kind: str, name: str) -> Any:
        """``get`` and import: the object that was registered."""
        return self.get(kind, name).load()

    def reference(self, component: Component) -> str:
        """By which name a config should call a component, so that it means the same to everyone."""
        return self._name(component, self._offered(component.kind))

    def plugin_of(self, component: Component) -> Plugin:
        """The plugin that offers a component."""
        return next(
            plugin
            for plugin in self.plugins
            if plugin.name == component.plugin and plugin.distribution == component.distribution
        )

    def broken(self) -> list[Plugin]:
        """The plugins that are known not to work, each with its ``problem``."""
        return [plugin for plugin in self.plugins if plugin.state == "broken"]

    def load_all(self) -> None:
        """Load every plugin that is not turned off. Raises PluginError if one of them is broken."""
        for plugin in self.plugins:
            self.load_plugin(plugin)
        if broken := [plugin for plugin in self.plugins if plugin.problem]:
            told = "\n".join(f"Plugin {plugin.title} is broken: {plugin.problem}." for plugin in broken)
            raise PluginError(told, "CTK_STRICT_PLUGINS is set: mend them, or unset it to go on without them.")

    # Lifecycle hooks -----------------------------------------------------------------------------------------------

    def call(self, hook: str, /, look: Callable[[Plugin], str] = lambda plugin: "", **arguments: Any) -> list[str]:
        """Call a hook of every plugin that has it. One that fails is passed over; returns a sentence for each.

        After each call ``look`` says what else the plugin has done wrong, or nothing.
        """
        problems = []
        for plugin in self.plugins:
            if hook in plugin.hooks:
                self.load_plugin(plugin)
                if plugin.problem:
                    problems.append(f"plugin {plugin.title} does not load: {plugin.problem}")
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            plugin = next(each for each in self.plugins if each.key == implementation.plugin_name)
            try:
                with trace_call(plugin.name, hook):
                    implementation.function(*(arguments[name] for name in implementation.argnames))
            except BaseException as error:  # sys.exit, and whatever a library derives from it
                if is_users(error, plugin.module):
                    raise
                keep_traceback(error)  # where there is a run, in its log
                problems.append(f"plugin {plugin.title} failed in {hook}: {reason(error)}")
            if problem := look(plugin):
                problems.append(f"plugin {plugin.title} {problem} in {hook}")
        return problems

    # Names ---------------------------------------------------------------------------------------------------------

    def _offered(self, kind: str) -> list[Component]:
        return [
            offer
            for plugin in self.plugins
            if not plugin.disabled and not plugin.problem
            for offer in plugin.offers
            if offer.kind == kind
        ]

    def _find(self, kind: str, name: str) -> Component | None:
        """The component that a name means; None if there is none. Raises UsageError if there are several."""
        prefix, _, bare = name.rpartition(":")
        fitting = [offer for offer in self._offered(kind) if offer.name == bare]
        if prefix:
            fitting = [offer for offer in fitting if self.plugin_of(offer).is_called(prefix)]
        for own in (self.preferred, BUILT_IN):  # a competition's own names, and the core's, mean what they always meant
            if len(fitting) > 1 and any(offer.distribution == own for offer in fitting):
                fitting = [offer for offer in fitting if offer.distribution == own]
        if len(fitting) > 1:
            raise UsageError(
                f"Several plugins have a {KINDS[kind]} '{bare}': "
                + ", ".join(self.plugin_of(offer).title for offer in fitting)
                + ".",
                "Say which: " + " or ".join(self._name(offer, fitting) for offer in fitting) + ".",
            )
        return fitting[0] if fitting else None

    def _name(self, component: Component, offered: list[Component]) -> str:
        """The bare name where no other has it, or where it is the core's; else with its distribution before it."""
        others = [other for other in offered if other.name == component.name and other is not component]
        if not others or component.distribution == BUILT_IN:
            return component.name
        same = any(other.distribution == component.distribution for other in others)
        prefix = component.plugin if same or "/" in component.distribution else component.distribution
        return f"{prefix}:{component.name}"

    def _missing(self, kind: str, name: str) -> UsageError:
        offered = self._offered(kind)
        known = [self._name(offer, offered) for offer in offered]
        help = near(name, known) or f"{nearest(name, known, 'data readers' if kind == 'data' else kind)} {OTHERS}"
        bare = name.rpartition(":")[2]
        for plugin in self.plugins:
            has = any(offer.kind == kind and offer.name == bare for offer in plugin.offers)
            if plugin.disabled and has:
                help += f"\nPlugin {plugin.title} has it, but ${plugin.disabled} turns that plugin off."
            elif plugin.state == "broken":
                help += f"\nPlugin {plugin.title} did not load: {plugin.problem or plugin.recalled}."
        return UsageError(f"There is no {KINDS[kind]} '{name}'.", help)

    # Loading -------------------------------------------------------------------------------------------------------

    def _load_computed(self, kind: str) -> None:
        for plugin in self.plugins:
            if kind in plugin.computed:
                self.load_plugin(plugin)

    def load_plugin(self, plugin: Plugin) -> None:
        """Import a plugin and take what it offers, once; what is wrong with it becomes its ``problem``."""
        if plugin.loaded or plugin.problem or plugin.disabled:
            return
        try:
            with waiting_for(plugin.name), trace_call(plugin.name, f"import {plugin.module}"):
                module: Any = importlib.import_module(plugin.module)
                for part in plugin.attribute.split(".") if plugin.attribute else ():
                    module = getattr(module, part)
            self._adopt(plugin, module)
        except BaseException as error:  # sys.exit, a test library's skip: none of them ends a command
            if is_users(error, plugin.module):
                raise
            plugin.problem = reason(error)
        plugin.recalled = ""
        load_cache.remember(plugin, plugin.problem)

    def _adopt(self, plugin: Plugin, module: Any) -> None:
        """Check a plugin's hooks, collect what it offers, and only then let it in."""
        offers: list[Component] = []
        hooks = set()
        for name, hook in _implementations(module):
            source.check_hook(name)
            hooks.add(name)
            if (kind := name.removeprefix(source.REGISTER)) in KINDS:
                with trace_call(plugin.name, name):
                    hook(register=_collector(plugin, kind, offers))
        if (same := self._manager.get_name(module)) is not None:
            raise PluginError(f"its module {plugin.module} is that of plugin {same} already")
        self._manager.register(module, name=plugin.key)
        plugin.offers, plugin.hooks, plugin.computed, plugin.loaded = offers, hooks, set(), True


def _collector(plugin: Plugin, kind: str, offers: list[Component]) -> hookspecs.Register:
    def register(name: str, thing: Any, about: str = "") -> None:
        component = Component(kind, name, thing, about, plugin.name, plugin.distribution)
        source.check_new(component, offers)
        offers.append(component)

    return register


def _implementations(module: Any) -> Iterator[tuple[str, Any]]:
    for name, value in inspect.getmembers(module, callable):
        if name.startswith("ctk_") and (options := getattr(value, f"{hookspecs.GROUP}_impl", None)) is not None:
            if options.get("wrapper") or options.get("hookwrapper"):
                raise PluginError(f"its {name} is a hook wrapper; ctk calls each plugin's hooks by themselves")
            yield name, value
