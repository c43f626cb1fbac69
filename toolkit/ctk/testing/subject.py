"""The plugin under test: found by the name of its entry point, as a module, or as a file."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from ctk.errors import CtkError, PluginError, UsageError, nearest
from ctk.plugins import KINDS, Plugin, plugins
from ctk.plugins.guard import ContractViolation
from ctk.plugins.onefile import VARIABLE
from ctk.testing.distributions import find_anew, lay, on_path

MARK = "ctk_impl"
"""What ``hookimpl`` leaves on a function."""


@dataclass
class Offer:
    """One call of ``register``. ``where`` is the file and line of the call."""

    kind: str
    name: Any
    thing: Any
    about: Any
    where: str

    @property
    def title(self) -> str:
        """What is offered as sentences call it: ``loss 'focal'``."""
        return f"{KINDS[self.kind]} '{self.name}'"

    def load(self) -> Any:
        """The object itself. Whatever importing it raises is raised."""
        if not isinstance(self.thing, str):
            return self.thing
        module, _, attribute = self.thing.partition(":")
        return getattr(importlib.import_module(module), attribute)


@dataclass
class Subject:
    """The plugin under test as the toolkit found it, imported, and everything it registers in order.

    failures  by hook, what a register hook raised instead of returning
    """

    plugin: Plugin
    module: ModuleType
    offers: list[Offer] = field(default_factory=list)
    failures: dict[str, BaseException] = field(default_factory=dict)

    def of(self, kind: str) -> list[Offer]:
        """What it registers of one kind."""
        return [offer for offer in self.offers if offer.kind == kind]

    def hooks(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Its functions that are hooks, or are meant to be: those marked, and those called ``ctk_...``."""
        for name, value in inspect.getmembers(self.module, inspect.isfunction):
            if hasattr(value, MARK) or (name.startswith("ctk_") and value.__module__ == self.module.__name__):
                yield name, value


@contextmanager
def find_subject(plugin: str | Path | ModuleType, folder: Path) -> Iterator[Plugin]:
    """Make a plugin findable for a while, wherever it comes from, and the toy competition with it.

    ``folder`` is for metadata. Raises UsageError where there is no such plugin.
    """
    folder.mkdir()
    lay(folder, "ctk-toy", "ctk.testing.toy")
    path = None if isinstance(plugin, ModuleType) else _file(plugin)
    named = plugin.__name__ if isinstance(plugin, ModuleType) else str(plugin)
    if isinstance(plugin, ModuleType) and not _known(named):
        lay(folder, named.replace(".", "-"), named)
    with on_path(folder):
        if path is not None:
            import os

            before = os.environ.get(VARIABLE)
            os.environ[VARIABLE] = os.pathsep.join(filter(None, [str(path.parent), before]))
            find_anew()
            named = path.stem
        fitting = [
            each
            for each in plugins().plugins
            if (each.path == path if path is not None else named in (each.name, each.module))
        ]
        if not fitting:
            known = [each.name for each in plugins().plugins]
            raise UsageError(f"There is no plugin '{named}'.", nearest(named, known, "plugins"))
        yield fitting[0]


def import_subject(plugin: Plugin) -> Subject:
    """Import the plugin and collect what it registers. Raises PluginError where it cannot be imported."""
    try:
        module = importlib.import_module(plugin.module)
        for part in filter(None, (plugin.attribute or "").split(".")):
            module = getattr(module, part)
    except (Exception, SystemExit) as error:
        raise PluginError(f"importing {plugin.module} fails: {locate_error(error)}") from error
    subject = Subject(plugin, module)
    for name, hook in subject.hooks():
        kind = name.removeprefix("ctk_register_")
        if kind in KINDS and name != kind:
            try:
                hook(_collector(kind, subject.offers))
            except (Exception, SystemExit) as error:
                subject.failures[name] = error
    return subject


def locate_error(error: BaseException) -> str:
    """An error in half a sentence: where a plugin raised it, if it did; a sentence of ctk's own as it is."""
    while isinstance(error, CtkError) and error.__cause__ is not None:
        if isinstance(error.__cause__, ContractViolation):  # whose sentence a guard has made whole
            break
        error = error.__cause__
    if isinstance(error, CtkError):
        return error.problem
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r}){where}"
    return f"{type(error).__name__}: {str(error).strip() or 'without a word'}{where}"


def _file(plugin: str | Path) -> Path | None:
    """The path of a plugin that is a file."""
    if isinstance(plugin, str) and not plugin.endswith(".py"):
        return None
    path = Path(plugin).absolute()
    if not path.is_file():
        raise UsageError(f"{path}: there is no such plugin file.")
    return path


def _known(module: str) -> bool:
    return any(each.module == module for each in plugins().plugins)


def _collector(kind: str, offers: list[Offer]) -> Callable[..., None]:
    def register(name: Any, thing: Any, about: Any = "") -> None:
        caller = inspect.stack()[1]
        offers.append(Offer(kind, name, thing, about, f"{Path(caller.filename).name}, line {caller.lineno}"))

    return register
