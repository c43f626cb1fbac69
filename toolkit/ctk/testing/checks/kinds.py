"""What is registered is of its kind, and its methods take what they will be given."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ctk.contract import Blender, Competition, DataReader, Filter, Metric, Model, Platform
from ctk.errors import nearest
from ctk.testing.case import Case
from ctk.testing.subject import Offer

BASES = {
    "competitions": Competition,
    "data": DataReader,
    "blenders": Blender,
    "filters": Filter,
    "platforms": Platform,
}


def look(case: Case) -> None:
    """Every thing that is registered."""
    for offer in case.subject.offers:
        if (offer.kind, offer.name) in case.broken:
            continue
        before = len(case.report.problems)
        case.saw(offer.title)
        if offer.kind in BASES:
            _subclass(case, offer, BASES[offer.kind])
        else:
            OTHERS[offer.kind](case, offer)
        if len(case.report.problems) > before:
            case.broken.add((offer.kind, offer.name))


def _subclass(case: Case, offer: Offer, base: type) -> None:
    thing = offer.load()
    where = f"{base.__module__}.{base.__name__}"
    if not inspect.isclass(thing):
        case.wrong(f"the {offer.title} is {_a(thing)}", f"Register the class, a subclass of {where}, not {_a(thing)}.")
        return
    if not issubclass(thing, base):
        case.wrong(f"the {offer.title}, {thing.__name__}, is no subclass of {base.__name__}", f"Subclass {where}.")
        return
    if missing := sorted(getattr(thing, "__abstractmethods__", ())):
        case.wrong(f"{thing.__name__} has no {', '.join(missing)}", f"{where} says what each of them does.")
    _methods(case, thing, base)
    needed = [
        each.name for each in _parameters(thing) if each.default is each.empty and each.kind is not each.VAR_KEYWORD
    ]
    positional = [each.name for each in _parameters(thing) if each.kind is each.POSITIONAL_OR_KEYWORD]
    if offer.kind in ("competitions", "platforms") and needed:
        case.wrong(f"{thing.__name__} cannot be made without {', '.join(needed)}", "It is made without arguments.")
    elif positional:
        case.wrong(
            f"{thing.__name__} takes {', '.join(positional)} by position",
            "Config keys are keyword-only parameters: put a * before them.",
        )


def _methods(case: Case, thing: type, base: type) -> None:
    """Methods that are overridden take at least what the base's take, under the same names."""
    for name, original in inspect.getmembers(base, inspect.isfunction):
        own = getattr(thing, name)
        if name.startswith("__") or own is original or not callable(own):
            continue
        signature = inspect.signature(own)
        if any(each.kind is each.VAR_POSITIONAL for each in signature.parameters.values()):
            continue
        wanted = [*inspect.signature(original).parameters]
        static = isinstance(inspect.getattr_static(thing, name), (staticmethod, classmethod))
        given, expected = [*signature.parameters], wanted[1:] if static else wanted
        extra = [
            each
            for each, parameter in signature.parameters.items()
            if each not in expected
            and parameter.default is parameter.empty
            and parameter.kind is not parameter.VAR_KEYWORD
        ]
        if given[: len(expected)] != expected or extra:
            case.wrong(
                f"{thing.__name__}.{name} takes ({', '.join(given)})",
                f"It is called with ({', '.join(expected)}), by name or position; more need defaults.",
            )


def _model(case: Case, offer: Offer) -> None:
    from torch import nn

    thing = offer.load()
    if inspect.isclass(thing) and issubclass(thing, nn.Module):
        features = getattr(thing, "features", None)
        tensors = _positional(thing.forward)[1:]
        if not isinstance(features, (tuple, list)):
            case.wrong(
                f"the network {thing.__name__} has no 'features'",
                'A class attribute with the names of what forward takes: features = ("x",).',
            )
        elif len(features) != len(tensors) and "*" not in str(inspect.signature(thing.forward)):
            case.wrong(
                f"{thing.__name__}.forward takes {len(tensors)} tensors, and features names {len(features)}",
                "forward is called with one tensor for each of the features.",
            )
        if not isinstance(inspect.getattr_static(thing, "for_samples", None), classmethod):
            case.wrong(
                f"the network {thing.__name__} has no class method 'for_samples'",
                "@classmethod def for_samples(cls, samples, **options): make it as wide as the samples need.",
            )
        if hasattr(thing, "scale") != hasattr(thing, "unscale"):
            case.wrong(f"{thing.__name__} has only one of 'scale' and 'unscale'", "Give both or neither.")
        return
    if inspect.isclass(thing) and issubclass(thing, Model):
        _subclass(case, offer, Model)
        return
    case.wrong(f"the {offer.title} is {_a(thing)}", "Register a subclass of ctk.contract.Model or torch.nn.Module.")


def _loss(case: Case, offer: Offer) -> None:
    from torch import nn

    thing = offer.load()
    if not (inspect.isclass(thing) and issubclass(thing, nn.Module)):
        case.wrong(
            f"the {offer.title} is {_a(thing)}", "Register a class: a torch.nn.Module called with (prediction, batch)."
        )
        return
    if len(_positional(thing.forward)) != 3:
        case.wrong(
            f"{thing.__name__}.forward takes ({', '.join(_positional(thing.forward)[1:])})",
            "A loss is called as loss(prediction, batch).",
        )


def _metric(case: Case, offer: Offer) -> None:
    thing = offer.load()
    if not isinstance(thing, Metric):
        case.wrong(f"the {offer.title} is {_a(thing)}", "Register an instance: Metric(name, direction, score).")
        return
    if thing.direction not in ("max", "min"):
        case.wrong(f"the {offer.title} has direction {thing.direction!r}", "It is 'max' or 'min'.")
    if not thing.name or not isinstance(thing.name, str):
        case.wrong(f"the {offer.title} has the name {thing.name!r}", "It is the column's name in tables and logs.")
    if len(_positional(thing.score)) != 2:
        case.wrong(
            f"the score of {offer.title} takes ({', '.join(_positional(thing.score))})", "score(prediction, samples)"
        )


def _executor(case: Case, offer: Offer) -> None:
    _called_with(case, offer, ("workers", "threads"))


def _tracker(case: Case, offer: Offer) -> None:
    _called_with(case, offer, ("folder", "name"))


def _sampler(case: Case, offer: Offer) -> None:
    _called_with(case, offer, ("space", "seed"))


def _command(case: Case, offer: Offer) -> None:
    import click
    from click.testing import CliRunner

    thing = offer.load()
    if not isinstance(thing, click.Command):
        case.wrong(f"the {offer.title} is {_a(thing)}", "Register a click.Command.")
        return
    answer = CliRunner().invoke(thing, ["--help"], prog_name=f"ctk {offer.name}")
    if answer.exit_code != 0:
        case.wrong(f"`ctk {offer.name} --help` ends with {answer.exit_code}: {answer.output.strip()}")
    if not (thing.help or "").strip():
        case.wrong(f"the {offer.title} has no help", "Its docstring is what `ctk COMMAND --help` shows.")


def _called_with(case: Case, offer: Offer, wanted: tuple[str, ...]) -> None:
    thing = offer.load()
    if not callable(thing):
        case.wrong(f"the {offer.title} is {_a(thing)}", f"Register what can be called with ({', '.join(wanted)}).")
        return
    given = tuple(_positional(thing))
    if given != wanted:
        missing = [each for each in wanted if each not in given]
        help = nearest(missing[0], given, "parameters") if missing else "Options are keyword-only: put a * before them."
        case.wrong(f"the {offer.title} takes ({', '.join(given)}) and is called with ({', '.join(wanted)})", help)


OTHERS: dict[str, Callable[[Case, Offer], None]] = {
    "models": _model,
    "losses": _loss,
    "metrics": _metric,
    "executors": _executor,
    "trackers": _tracker,
    "samplers": _sampler,
    "commands": _command,
}


def _positional(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]


def _parameters(thing: type) -> list[inspect.Parameter]:
    """Those of ``__init__``; none where it has none of its own."""
    own = inspect.getattr_static(thing, "__init__") is not object.__init__
    return list(inspect.signature(thing).parameters.values()) if own else []


def _a(thing: Any) -> str:
    if inspect.isclass(thing):
        return f"the class {thing.__name__}"
    return f"the function {thing.__name__}" if inspect.isroutine(thing) else f"an instance of {type(thing).__name__}"
