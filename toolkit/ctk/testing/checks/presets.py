"""A competition says what it is, what it names is there, and all its presets are valid configs."""

from __future__ import annotations

from collections.abc import Sequence

from ctk.config.resolve import base_config, resolve
from ctk.contract import Competition
from ctk.errors import CtkError
from ctk.plugins import plugins
from ctk.plugins.guard.competition import competition_of
from ctk.testing.case import Case
from ctk.testing.subject import Offer

TEXTS = ("title", "url", "metric", "reader", "embedded", "default")


def look(case: Case) -> None:
    """Every competition and every preset of it."""
    for offer in case.subject.of("competitions"):
        if (offer.kind, offer.name) in case.broken:
            continue
        before = len(case.report.problems)
        _fields(case, offer.load())
        if len(case.report.problems) == before:
            _presets(case, offer)
        if len(case.report.problems) > before:
            case.broken.add((offer.kind, offer.name))


def _fields(case: Case, thing: type[Competition]) -> None:
    case.saw(thing.id)
    for name in TEXTS:
        if not isinstance(value := getattr(thing, name, None), str) or not value:
            case.wrong(f"{thing.__name__}.{name} is {value!r}", "ctk.contract.Competition says what it is.")
    for name in ("headline", "formats"):
        value = getattr(thing, name, None)
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            case.wrong(f"{thing.__name__}.{name} is {value!r}", f'It is a list of names: {name} = ("...",).')
    if thing.platform and not thing.slug:
        case.wrong(f"{thing.__name__} has a platform and no slug", "The slug is what it is called there.")


def _presets(case: Case, offer: Offer) -> None:
    own: Competition = offer.load()()
    presets = own.presets()
    for field in ("embedded", "default"):
        if (name := getattr(own, field)) not in presets:
            case.wrong(f"{offer.name} has no preset '{name}', its {field} one", f"Presets: {', '.join(presets)}.")
            return
    try:
        competition = competition_of(offer.name)
    except CtkError as error:
        case.wrong(f"the {offer.title} cannot be used: {error.problem}", error.help)
        return
    for name in presets:
        case.saw(f"{offer.name}: {name}")
        try:
            resolve(base_config(competition, None, name), plugins())
        except CtkError as error:
            case.wrong(f"preset '{name}' of {offer.name}: {error.problem}", error.help)
