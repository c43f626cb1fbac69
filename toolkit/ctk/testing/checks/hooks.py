"""Hooks are those there are, with arguments those there are; what they register says what it is and loads."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ctk import hookspecs
from ctk.errors import nearest
from ctk.plugins import KINDS
from ctk.testing.case import Case
from ctk.testing.subject import MARK, Offer, told

KNOWN = {name: value for name, value in vars(hookspecs).items() if name.startswith("ctk_")}


def look(case: Case) -> None:
    """Every function that is a hook, and every call of ``register``."""
    found = dict(case.subject.hooks())
    if not found:
        case.wrong("it implements no hook", "Mark functions with @ctk.hookimpl; ctk.hookspecs lists the hooks.")
    for name, hook in found.items():
        case.saw(name)
        _hook(case, name, hook)
    for name, error in case.subject.failures.items():
        case.wrong(f"{name} fails: {told(error)}", "A hook registers and does nothing else; import late.")
    for offer in case.subject.offers:
        case.saw(offer.title)
        _offer(case, offer)
    if not case.subject.offers and found and all(name in KNOWN and name.startswith("ctk_register_") for name in found):
        case.wrong("its hooks register nothing", 'Call register(name, "module:attribute", "one line about it").')


def _hook(case: Case, name: str, hook: Callable[..., Any]) -> None:
    if name not in KNOWN:
        case.wrong(f"there is no hook '{name}'", nearest(name, KNOWN, "hooks"))
        return
    if not hasattr(hook, MARK):
        case.wrong(f"{name} is no hook: it is not marked", "Put @ctk.hookimpl above it.")
    arguments, known = list(inspect.signature(hook).parameters), list(inspect.signature(KNOWN[name]).parameters)
    for argument in arguments:
        if argument not in known:
            case.wrong(f"{name} has no argument '{argument}'", nearest(argument, known, "arguments"))
    if name.startswith("ctk_register_") and "register" not in arguments:
        case.wrong(f"{name} does not take 'register'", f"def {name}(register): ...")


def _offer(case: Case, offer: Offer) -> None:
    if not isinstance(offer.about, str) or not offer.about.strip() or "\n" in offer.about:
        case.wrong(
            f"the {offer.title} has no line about it ({offer.where})",
            'register(name, thing, "one line"): it is what `ctk list` and `ctk plugins` show.',
        )
    if isinstance(offer.thing, str) and not all(_dotted(part) for part in (offer.thing + ":").split(":")[:2]):
        case.wrong(
            f'the {offer.title} is {offer.thing!r} ({offer.where}), which is no "module:attribute"',
            'For example "my_plugin.loss:Focal".',
        )
        case.broken.add((offer.kind, offer.name))
        return
    try:
        thing = offer.load()
    except (Exception, SystemExit) as error:
        case.wrong(f"the {offer.title} does not load ({offer.where}): {told(error)}", "Mend the name or the module.")
        case.broken.add((offer.kind, offer.name))
        return
    if thing is None:
        case.wrong(f"the {offer.title} is None ({offer.where})", f"Register a {KINDS[offer.kind]}.")
        case.broken.add((offer.kind, offer.name))


def _dotted(text: str) -> bool:
    return bool(text) and all(part.isidentifier() for part in text.split("."))
