"""Guards around what components do: a failure names its plugin, and what comes back is checked by the tables."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from types import TracebackType, new_class
from typing import Any, TypeVar

from ctk.errors import CtkError, PluginError
from ctk.files import disk_failure
from ctk.plugins import KINDS, Component, Plugins, plugins
from ctk.plugins.calls import begin_call, end_call
from ctk.plugins.guard.failures import (
    ContractViolation,
    describe_error,
    is_interruption,
    is_of_memory,
)
from ctk.plugins.guard.rules import CONTRACTS
from ctk.plugins.raised import is_closing, is_users
from ctk.plugins.tracebacks import keep_traceback

C = TypeVar("C")

ONE_OF_A_KIND = ("commands", "competitions", "data", "metrics", "platforms", "scaffolds")
"""Kinds of which a user cannot simply take another."""


class Guard:
    """A guard around one component, by kind and name.

        guard = Guard("blenders", "greedy")
        blender = guard.wrap(guard.make(**options))
        blend = blender.fit(oof, samples, metric)  # fails with a sentence that names the plugin

    What has no row in the tables of ``rules`` is done in a block, ``with guard("proposing a trial"):``. Inside, every
    exception but Ctrl-C and the errors of ``ctk.errors``, and sys.exit too, becomes a PluginError that says which
    component of which plugin failed at what, and where its traceback is kept. That the disk is full or fails is
    nobody's fault, and passes.
    """

    def __init__(self, kind: str, name: str, registry: Plugins | None = None) -> None:
        known = registry or plugins()
        self.component: Component = known.get(kind, name)
        self.module = self.component.address or str(getattr(self.component.thing, "__module__", ""))
        self.title = f"{KINDS[kind]} '{self.component.name}' of plugin {known.plugin_of(self.component).title}"

    def __call__(self, doing: str) -> GuardedBlock:
        """A block inside this guard; ``doing`` goes on where "failed while" ends."""
        return GuardedBlock(self, doing)

    def load(self) -> Any:
        """What was registered, imported now if it was offered by name."""
        return self.component.load()

    def call(self, method: str, function: Callable[..., Any], /, *given: Any, **named: Any) -> Any:
        """Call ``function`` as the table of this kind says of ``method``; returns what the row's check hands on."""
        contract = CONTRACTS[self.component.kind]
        rule = contract.rules[method]
        arguments = {**dict(zip(contract.parameters(method), given, strict=False)), **named}
        rule.before(arguments)
        with self(rule.doing.format_map(arguments)):
            return rule.check(function(*given, **named), arguments)

    def make(self, *given: Any, **options: Any) -> Any:
        """Call what was registered; refuse what is not of its kind."""
        return self.call("make", self.load(), *given, **options)

    def wrap(self, own: C) -> C:
        """A component behind this guard: an instance of its contract class, whose methods are called by the table.

        Of the wrapped one ``own`` is the component itself, whose further attributes are the wrapped one's too.
        """
        wrapped: C = _guarded_class(self.component.kind)(own, self)
        return wrapped

    def failure(self, error: BaseException, doing: str) -> CtkError:
        """The error to raise instead of one that a component raised, whose traceback is kept."""
        if isinstance(error, ContractViolation):
            return PluginError(f"The {self.title} {error.what}.", error.help or self._help())
        where = keep_traceback(error)
        if isinstance(error, SystemExit):
            return PluginError(f"The {self.title} called sys.exit({error.code!r}) while {doing}.", self._help(where))
        told = describe_error(error)
        if is_of_memory(error):
            help = "Make its batches smaller, or fit fewer members at a time: -o executor.workers=1."
            return PluginError(f"The {self.title} ran out of memory while {doing}: {told}.", f"{help} {where}")
        return PluginError(f"The {self.title} failed while {doing}: {told}.", self._help(where))

    def _help(self, where: str = "") -> str:
        kind = self.component.kind
        others = "" if kind in ONE_OF_A_KIND else f", or choose another {KINDS[kind]}"
        return f"Mend it or tell its author{others}. {where}".strip()


class GuardedBlock:
    """A block inside a guard; it holds nothing of a block, so that one serves every step of a fit."""

    __slots__ = ("call", "doing", "guard")

    def __init__(self, guard: Guard, doing: str) -> None:
        self.guard = guard
        self.doing = doing
        self.call = f"the {guard.title} was {doing}"

    def __enter__(self) -> None:
        begin_call(self.call)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        end_call(self.call)
        if error is None or isinstance(error, CtkError) or is_closing(error) or is_users(error, self.guard.module):
            return
        if (code := disk_failure(error)) is not None:  # in whichever library's words; who knows the file will name it
            raise OSError(code, os.strerror(code)) from error
        if is_interruption(error):
            raise KeyboardInterrupt from None
        raise self.guard.failure(error, self.doing) from error


class _Wrapped:
    """What every wrapped component has: the component itself, its guard, and its values of the contract's fields."""

    def __init__(self, own: Any, guard: Guard) -> None:
        self.own = own
        self.guard = guard
        for field in CONTRACTS[guard.component.kind].fields():
            if hasattr(own, field):
                setattr(self, field, getattr(own, field))

    def __getattr__(self, name: str) -> Any:
        if name == "own" or name.startswith("__"):  # copy and pickle ask before there is one
            raise AttributeError(name)
        return getattr(self.own, name)


@cache
def _guarded_class(kind: str) -> type:
    """The subclass of a kind's contract class that has a method for each of the table's rows."""
    contract = CONTRACTS[kind]
    assert contract.base is not None
    methods = {name: _method(contract.base, name) for name in contract.rules if name != "make"}
    bases = (_Wrapped, contract.base)
    return new_class(f"Guarded{contract.base.__name__}", bases, exec_body=lambda body: body.update(methods))


def _method(base: type, name: str) -> Any:
    inherited = vars(base).get(name)
    if not callable(inherited):  # an attribute that components may have
        return property(lambda self: self.guard.call(name, lambda wrapped: getattr(wrapped.own, name, None), self))

    def method(self: Any, /, *given: Any, **named: Any) -> Any:
        own = getattr(self.own, name)
        # What is the contract's own code is run on the wrapped component, so that what it calls is guarded in turn.
        is_inherited = getattr(own, "__func__", None) is inherited
        function = inherited if is_inherited else lambda wrapped, *given, **named: own(*given, **named)
        return self.guard.call(name, function, self, *given, **named)

    return method
