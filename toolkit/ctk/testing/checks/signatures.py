"""What is registered is of its kind, is called as the contract's table says, and has options that a config can hold."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from ctk.contract import Metric, Model, Strict
from ctk.errors import nearest
from ctk.files import dump_yaml, parse_yaml
from ctk.plugins.component_options import options_schema
from ctk.plugins.guard.rules import CONTRACTS
from ctk.testing.findings import Examination
from ctk.testing.subject import Offer, locate_error


def check_kinds(exam: Examination) -> None:
    """Check that everything that is registered is of its kind and takes what it will be given."""
    for offer in exam.subject.offers:
        if (offer.kind, offer.name) in exam.broken:
            continue
        before = len(exam.report.problems)
        exam.saw(offer.title)
        OTHERS.get(offer.kind, _subclass)(exam, offer)
        if len(exam.report.problems) > before:
            exam.broken.add((offer.kind, offer.name))


def _subclass(exam: Examination, offer: Offer) -> None:
    thing, base = offer.load(), CONTRACTS[offer.kind].base
    assert base is not None
    where = f"ctk.contract.{base.__name__}"
    if not inspect.isclass(thing):
        exam.wrong(f"the {offer.title} is {_a(thing)}", f"Register the class, a subclass of {where}, not {_a(thing)}.")
        return
    if not issubclass(thing, base):
        exam.wrong(f"the {offer.title}, {thing.__name__}, is no subclass of {base.__name__}", f"Subclass {where}.")
        return
    if missing := sorted(getattr(thing, "__abstractmethods__", ())):
        exam.wrong(f"{thing.__name__} has no {', '.join(missing)}", f"{where} says what each of them does.")
    _methods(exam, offer.kind, thing)
    needed = [
        each.name for each in _parameters(thing) if each.default is each.empty and each.kind is not each.VAR_KEYWORD
    ]
    positional = [each.name for each in _parameters(thing) if each.kind is each.POSITIONAL_OR_KEYWORD]
    if offer.kind in ("competitions", "platforms", "scaffolds") and needed:
        exam.wrong(f"{thing.__name__} cannot be made without {', '.join(needed)}", "It is made without arguments.")
    elif positional:
        exam.wrong(
            f"{thing.__name__} takes {', '.join(positional)} by position",
            "Config keys are keyword-only parameters: put a * before them.",
        )


def _methods(exam: Examination, kind: str, thing: type) -> None:
    """Check that overridden methods take at least what the contract's take, under the same names."""
    contract = CONTRACTS[kind]
    for name in contract.rules:
        original, own = getattr(contract.base, name, None), getattr(thing, name, None)
        if original is None or own is original or not callable(own):
            continue
        signature = inspect.signature(own)
        if any(each.kind is each.VAR_POSITIONAL for each in signature.parameters.values()):
            continue
        wanted = [*contract.parameters(name)]
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
            exam.wrong(
                f"{thing.__name__}.{name} takes ({', '.join(given)})",
                f"It is called with ({', '.join(expected)}), by name or position; more need defaults.",
            )


def _model(exam: Examination, offer: Offer) -> None:
    from torch import nn

    thing = offer.load()
    if inspect.isclass(thing) and issubclass(thing, nn.Module):
        features = getattr(thing, "features", None)
        tensors = _positional(thing.forward)[1:]
        if not isinstance(features, (tuple, list)):
            exam.wrong(
                f"the network {thing.__name__} has no 'features'",
                'A class attribute with the names of what forward takes: features = ("x",).',
            )
        elif len(features) != len(tensors) and "*" not in str(inspect.signature(thing.forward)):
            exam.wrong(
                f"{thing.__name__}.forward takes {len(tensors)} tensors, and features names {len(features)}",
                "forward is called with one tensor for each of the features.",
            )
        if not isinstance(inspect.getattr_static(thing, "for_samples", None), classmethod):
            exam.wrong(
                f"the network {thing.__name__} has no class method 'for_samples'",
                "@classmethod def for_samples(cls, samples, **options): make it as wide as the samples need.",
            )
        if hasattr(thing, "scale") != hasattr(thing, "unscale"):
            exam.wrong(f"{thing.__name__} has only one of 'scale' and 'unscale'", "Give both or neither.")
        for loss in ("training_loss", "auxiliary_loss"):
            if (own := getattr(thing, loss, None)) is not None and len(_positional(own)) != 2:
                exam.wrong(f"{thing.__name__}.{loss} does not take one batch", f"def {loss}(self, batch) -> Tensor.")
        if ("state_dict" in vars(thing)) != ("load_state_dict" in vars(thing)):
            exam.wrong(
                f"{thing.__name__} has only one of 'state_dict' and 'load_state_dict'",
                "What the one leaves out the other does without.",
            )
        return
    if inspect.isclass(thing) and issubclass(thing, Model):
        _subclass(exam, offer)
        return
    exam.wrong(f"the {offer.title} is {_a(thing)}", "Register a subclass of ctk.contract.Model or torch.nn.Module.")


def _loss(exam: Examination, offer: Offer) -> None:
    from torch import nn

    thing = offer.load()
    if not (inspect.isclass(thing) and issubclass(thing, nn.Module)):
        exam.wrong(
            f"the {offer.title} is {_a(thing)}", "Register a class: a torch.nn.Module called with (prediction, batch)."
        )
        return
    if len(_positional(thing.forward)) != 1 + len(CONTRACTS["losses"].parameters("forward")):
        exam.wrong(
            f"{thing.__name__}.forward takes ({', '.join(_positional(thing.forward)[1:])})",
            "A loss is called as loss(prediction, batch).",
        )


def _metric(exam: Examination, offer: Offer) -> None:
    thing = offer.load()
    if not isinstance(thing, Metric):
        exam.wrong(f"the {offer.title} is {_a(thing)}", "Register an instance: Metric(name, direction, score).")
        return
    if thing.direction not in ("max", "min"):
        exam.wrong(f"the {offer.title} has direction {thing.direction!r}", "It is 'max' or 'min'.")
    if not thing.name or not isinstance(thing.name, str):
        exam.wrong(f"the {offer.title} has the name {thing.name!r}", "It is the column's name in tables and logs.")
    if len(_positional(thing.score)) != len(CONTRACTS["metrics"].parameters("score")):
        exam.wrong(
            f"the score of {offer.title} takes ({', '.join(_positional(thing.score))})", "score(prediction, samples)"
        )


def _command(exam: Examination, offer: Offer) -> None:
    import click
    from click.testing import CliRunner

    thing = offer.load()
    if not isinstance(thing, click.Command):
        exam.wrong(f"the {offer.title} is {_a(thing)}", "Register a click.Command.")
        return
    answer = CliRunner().invoke(thing, ["--help"], prog_name=f"ctk {offer.name}")
    if answer.exit_code != 0:
        exam.wrong(f"`ctk {offer.name} --help` ends with {answer.exit_code}: {answer.output.strip()}")
    if not (thing.help or "").strip():
        exam.wrong(f"the {offer.title} has no help", "Its docstring is what `ctk COMMAND --help` shows.")


def _factory(exam: Examination, offer: Offer) -> None:
    thing, wanted = offer.load(), CONTRACTS[offer.kind].parameters("make")
    if not callable(thing):
        exam.wrong(f"the {offer.title} is {_a(thing)}", f"Register what can be called with ({', '.join(wanted)}).")
        return
    given = tuple(_positional(thing))
    if given != wanted:
        missing = [each for each in wanted if each not in given]
        help = nearest(missing[0], given, "parameters") if missing else "Options are keyword-only: put a * before them."
        exam.wrong(f"the {offer.title} takes ({', '.join(given)}) and is called with ({', '.join(wanted)})", help)


OTHERS: dict[str, Callable[[Examination, Offer], None]] = {
    "models": _model,
    "losses": _loss,
    "metrics": _metric,
    "executors": _factory,
    "trackers": _factory,
    "samplers": _factory,
    "commands": _command,
}


def _positional(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]


def _parameters(thing: type) -> list[inspect.Parameter]:
    """The parameters of a class's ``__init__``; none where it has none of its own."""
    own = inspect.getattr_static(thing, "__init__") is not object.__init__
    return list(inspect.signature(thing).parameters.values()) if own else []


def _a(thing: Any) -> str:
    if inspect.isclass(thing):
        return f"the class {thing.__name__}"
    return f"the function {thing.__name__}" if inspect.isroutine(thing) else f"an instance of {type(thing).__name__}"


CONFIGURED = (
    "data",
    "models",
    "losses",
    "transforms",
    "views",
    "blenders",
    "filters",
    "extractors",
    "executors",
    "trackers",
    "samplers",
)
"""Kinds whose options stand in a config, or for samplers on a command line."""


def check_options(exam: Examination) -> None:
    """Check that options have annotations that a config is checked against, and defaults that YAML can hold."""
    for offer in exam.subject.offers:
        if offer.kind not in CONFIGURED or (offer.kind, offer.name) in exam.broken:
            continue
        thing = offer.load()
        call: Callable[..., Any] = thing.__init__ if inspect.isclass(thing) else thing
        try:
            hints = typing.get_type_hints(call, include_extras=True)
            options_schema(thing, offer.name)
        except Exception as error:
            exam.wrong(
                f"the annotations of the {offer.title} cannot be read: {locate_error(error)}", "Import what they name."
            )
            exam.broken.add((offer.kind, offer.name))
            continue
        for parameter in inspect.signature(call).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY:
                exam.saw(f"{offer.title}: {parameter.name}")
                _option(exam, offer, parameter, hints)
        if inspect.isclass(thing) and issubclass(thing, Model):
            _training(exam, offer, thing.schema)


def _option(exam: Examination, offer: Offer, parameter: inspect.Parameter, hints: dict[str, Any]) -> None:
    what = f"'{parameter.name}' of the {offer.title}"
    if parameter.name == "name":
        exam.wrong(
            f"{what} clashes with the component's own name", "In a config `name` says which component; rename it."
        )
    if parameter.name not in hints:
        exam.wrong(f"{what} has no annotation", "What a config says is checked against it.")
        return
    if parameter.default is parameter.empty:
        return
    try:
        adapter = TypeAdapter(hints[parameter.name])
        plain = adapter.dump_python(adapter.validate_python(parameter.default), mode="json")
        stored = parse_yaml(dump_yaml(json.loads(json.dumps(plain, allow_nan=False))))
        adapter.validate_python(stored)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        exam.wrong(
            f"the default of {what}, {parameter.default!r}, does not fit its annotation: {reason}", "Mend either."
        )
    except Exception as error:
        exam.wrong(
            f"the default of {what}, {parameter.default!r}, cannot stand in a config: {locate_error(error)}",
            "Use plain values.",
        )


def _training(exam: Examination, offer: Offer, schema: Any) -> None:
    """Check the further keys of a member with this model."""
    if not (inspect.isclass(schema) and issubclass(schema, Strict)):
        exam.wrong(
            f"the schema of the {offer.title} is no ctk.contract.Strict", "Its fields are the member's config keys."
        )
        return
    try:
        instance = schema()
    except ValidationError as error:
        missing = ", ".join(str(each["loc"][0]) for each in error.errors() if each["loc"])
        exam.wrong(f"the schema of the {offer.title} has no default for {missing}", "`model: NAME` alone must do.")
        return
    assert isinstance(instance, BaseModel)
    json.dumps(instance.model_dump(mode="json"), allow_nan=False)
    exam.saw(f"{offer.title}: {schema.__name__}")
