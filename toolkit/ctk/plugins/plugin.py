"""What a plugin is, and the components that it offers."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ctk.errors import PluginError, visible
from ctk.plugins.raised import is_users, text_of
from ctk.plugins.tracing import trace_call, waiting_for

KINDS = {
    "competitions": "competition",
    "data": "data reader",
    "models": "model",
    "losses": "loss",
    "transforms": "transform",
    "views": "view",
    "blenders": "blender",
    "metrics": "metric",
    "filters": "filter",
    "extractors": "extractor",
    "executors": "executor",
    "trackers": "tracker",
    "samplers": "sampler",
    "platforms": "platform",
    "scaffolds": "scaffold",
    "commands": "command",
}
OTHERS = "A plugin that is not installed may bring it: ctk install PACKAGE."
"""Help for what none has."""
BUILT_IN = "competition-toolkit"
"""The distribution whose plugin is the core itself."""


class _Unknown:
    """A stand-in for what a plugin registers by a name in its source, but not by a string: known once it is loaded."""

    def __repr__(self) -> str:
        return "known once its plugin is loaded"


UNKNOWN = _Unknown()


@dataclass
class Component:
    """One thing offered by one plugin.

    thing    the object, or ``"module:attribute"`` until it is loaded
    address  that string; empty where the object itself was registered
    """

    kind: str
    name: str
    thing: Any
    about: str
    plugin: str
    distribution: str
    address: str = field(init=False)

    def __post_init__(self) -> None:
        self.address = self.thing if isinstance(self.thing, str) else ""

    def load(self) -> Any:
        """The object itself, imported now if it was offered as a string. Raises PluginError with the reason."""
        if not isinstance(self.thing, str):
            return self.thing
        module, _, attribute = self.thing.partition(":")
        try:
            with waiting_for(self.plugin), trace_call(self.plugin, f"import {self.thing}"):
                self.thing = getattr(importlib.import_module(module), attribute)
        except BaseException as error:
            if is_users(error, module):
                raise
            raise PluginError(
                f"The {KINDS[self.kind]} '{self.name}' of plugin '{self.plugin}' does not load: {reason(error)}.",
                f"Mend it, or {removal(self.distribution)}; `ctk plugins` shows all of them.",
            ) from error
        return self.thing


@dataclass
class Plugin:
    """A plugin that was found: where it comes from, what it offers, and why it is broken or turned off.

    module    dotted name of what is imported; ``attribute`` of it, where the entry point names one
    path      its source, where there is one
    hooks     the hooks it implements
    computed  the kinds of which it registers things whose names only importing it tells
    requires  the versions of competition-toolkit it was made for, as in "requires_ctk"
    problem   why it cannot be used; empty if nothing is known to be wrong
    recalled  why it failed when it was last loaded; it is tried again when it is needed
    disabled  which environment variable turns it off; empty if none does
    loaded    whether it was imported in this process
    """

    name: str
    distribution: str
    version: str
    module: str
    attribute: str = ""
    path: Path | None = None
    offers: list[Component] = field(default_factory=list)
    hooks: set[str] = field(default_factory=set)
    computed: set[str] = field(default_factory=set)
    requires: str = ""
    problem: str = ""
    recalled: str = ""
    disabled: str = ""
    loaded: bool = False

    @property
    def state(self) -> str:
        """``disabled``, ``broken`` or ``ok``."""
        return "disabled" if self.disabled else "broken" if self.problem or self.recalled else "ok"

    @property
    def key(self) -> str:
        """What tells a plugin apart from all others."""
        return f"{self.distribution}:{self.name}"

    @property
    def title(self) -> str:
        """A plugin as sentences call it: its name, and whose it is."""
        return f"'{self.name}' ({f'{self.distribution} {self.version}'.strip()})"

    def is_called(self, name: str) -> bool:
        """Whether a user may mean this one by ``name``: its own, or its distribution's."""
        return _plain(name) in (_plain(self.name), _plain(self.distribution))


def reason(error: BaseException) -> str:
    """An error as half a sentence."""
    if isinstance(error, PluginError):
        return error.problem
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "ctk":
        return f"it was made for another version of the toolkit than {version(BUILT_IN)} ({error}): upgrade it"
    return visible(f"{type(error).__name__}: {text_of(error)}".removesuffix(": "))


def is_file(distribution: str) -> bool:
    """Whether a distribution's name stands for a one-file plugin, which pip knows nothing of."""
    return "/" in distribution


def removal(distribution: str) -> str:
    """How to get rid of a plugin, as half a sentence."""
    return "take the file away" if is_file(distribution) else f"take it out with `ctk uninstall {distribution}`"


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
