"""A guard around what one component does: whatever its code raises ends in a sentence that names its plugin."""

from __future__ import annotations

import errno
from types import TracebackType
from typing import Any

from ctk import errors
from ctk.errors import CtkError, PluginError
from ctk.plugins import KINDS, Component, Plugins, plugins
from ctk.plugins.tracebacks import kept

LONGEST = 300
"""Characters of an error's text that are shown; the traceback has all."""


class Wrong(Exception):
    """What a component returned is not what was asked for. Raised inside its guard, which says whose it was.

    ``str(error)`` goes on where "the model 'x' of plugin 'y'" ends: "predicted ..., and ... is needed".
    """

    def __init__(self, what: str, help: str = "") -> None:
        super().__init__(what, help)
        self.what = what
        self.help = help


class Guard:
    """Of one component, by kind and name.

        guard = Guard("blenders", "greedy")
        blender = guard.make(**options)
        with guard("blending"):
            blend = blender.fit(...)

    Inside, every exception but Ctrl-C and the errors of ``ctk.errors``, and sys.exit too, becomes a PluginError that
    says which component of which plugin failed at what, and where its traceback is kept. That the disk is full is
    nobody's fault, and passes.
    """

    def __init__(self, kind: str, name: str, registry: Plugins | None = None) -> None:
        known = registry or plugins()
        self.component: Component = known.get(kind, name)
        self.title = f"{KINDS[kind]} '{self.component.name}' of plugin {known.plugin_of(self.component).title}"

    def __call__(self, doing: str) -> Doing:
        """A context manager; ``doing`` goes on where "failed while" ends."""
        return Doing(self, doing)

    def load(self) -> Any:
        """What was registered, imported now if it was offered by name."""
        return self.component.load()

    def make(self, *given: Any, contract: type | None = None, **options: Any) -> Any:
        """Call what was registered; where a contract is given, refuse what does not inherit from it."""
        thing = self.load()
        with self("being made"):
            made = thing(*given, **options)
            if contract is not None and not isinstance(made, contract):
                raise Wrong(f"is a {type(made).__name__}, and a {contract.__module__}.{contract.__name__} is needed")
        return made

    def failure(self, error: BaseException, doing: str) -> CtkError:
        """The error to raise instead; keeps the traceback."""
        if isinstance(error, Wrong):
            return PluginError(f"The {self.title} {error.what}.", error.help or self._help())
        where = kept(error)
        if isinstance(error, SystemExit):
            return PluginError(f"The {self.title} called sys.exit({error.code!r}) while {doing}.", self._help(where))
        if _of_memory(error):
            help = "Make its batches smaller, or fit fewer members at a time: -o executor.workers=1."
            return PluginError(f"The {self.title} ran out of memory while {doing}: {told(error)}.", f"{help} {where}")
        return PluginError(f"The {self.title} failed while {doing}: {told(error)}.", self._help(where))

    def _help(self, where: str = "") -> str:
        kind = self.component.kind
        others = "" if kind in ("commands", "competitions", "data", "metrics") else f", or choose another {KINDS[kind]}"
        return f"Mend it or tell its author{others}. {where}".strip()


class Doing:
    """The guard's context manager; it holds nothing of a block, so that one serves every step of a fit."""

    __slots__ = ("doing", "guard")

    def __init__(self, guard: Guard, doing: str) -> None:
        self.guard = guard
        self.doing = doing

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None or isinstance(error, (CtkError, KeyboardInterrupt, GeneratorExit)) or _of_disk(error):
            return
        if is_interruption(error):
            raise KeyboardInterrupt from None
        raise self.guard.failure(error, self.doing) from error


def told(error: BaseException) -> str:
    """An error as half a sentence: its type, and the first line of what it says."""
    try:
        text = str(error)
    except Exception:  # whose __str__ fails
        text = ""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "").rstrip(".")
    shown = first if len(first) <= LONGEST else f"{first[:LONGEST]} ..."
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__


def is_interruption(error: BaseException) -> bool:
    """Whether it is Lightning's answer to Ctrl-C or SIGTERM, which is to leave the process, and nobody's sys.exit."""
    if type(error).__name__ == "SIGTERMException":
        return True
    return isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt)


def plain(error: CtkError) -> CtkError:
    """The same error as one of ``ctk.errors`` itself, which every process can unpickle; a plugin may have its own."""
    kind: type[CtkError] = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return kind(str(error.problem), str(error.help))


def _of_disk(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _of_memory(error: BaseException) -> bool:
    """Python's own, or torch's for a GPU; on a CPU torch has no type for it."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or "can't allocate memory" in told(error)
