"""Config keys: keyword-only parameters have annotations that can be checked and defaults that YAML can hold."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable
from typing import Any

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from ctk.contract import Model, Strict
from ctk.plugins.options import options_schema
from ctk.testing.case import Case
from ctk.testing.subject import Offer, told

CONFIGURED = ("data", "models", "losses", "blenders", "filters", "executors", "trackers", "samplers")
"""Kinds whose options stand in a config, or for samplers on a command line."""


def look(case: Case) -> None:
    """Every option of every component that a config can name."""
    for offer in case.subject.offers:
        if offer.kind not in CONFIGURED or (offer.kind, offer.name) in case.broken:
            continue
        thing = offer.load()
        call: Callable[..., Any] = thing.__init__ if inspect.isclass(thing) else thing
        try:
            hints = typing.get_type_hints(call, include_extras=True)
            options_schema(thing, offer.name)
        except Exception as error:
            case.wrong(f"the annotations of the {offer.title} cannot be read: {told(error)}", "Import what they name.")
            case.broken.add((offer.kind, offer.name))
            continue
        for parameter in inspect.signature(call).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY:
                case.saw(f"{offer.title}: {parameter.name}")
                _option(case, offer, parameter, hints)
        if inspect.isclass(thing) and issubclass(thing, Model):
            _training(case, offer, thing.schema)


def _option(case: Case, offer: Offer, parameter: inspect.Parameter, hints: dict[str, Any]) -> None:
    what = f"'{parameter.name}' of the {offer.title}"
    if parameter.name == "name":
        case.wrong(
            f"{what} clashes with the component's own name", "In a config `name` says which component; rename it."
        )
    if parameter.name not in hints:
        case.wrong(f"{what} has no annotation", "What a config says is checked against it.")
        return
    if parameter.default is parameter.empty:
        return
    try:
        adapter = TypeAdapter(hints[parameter.name])
        plain = adapter.dump_python(adapter.validate_python(parameter.default), mode="json")
        stored = yaml.safe_load(yaml.safe_dump(json.loads(json.dumps(plain, allow_nan=False))))
        adapter.validate_python(stored)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        case.wrong(
            f"the default of {what}, {parameter.default!r}, does not fit its annotation: {reason}", "Mend either."
        )
    except Exception as error:
        case.wrong(
            f"the default of {what}, {parameter.default!r}, cannot stand in a config: {told(error)}",
            "Use plain values.",
        )


def _training(case: Case, offer: Offer, schema: Any) -> None:
    """The further keys of a member with this model."""
    if not (inspect.isclass(schema) and issubclass(schema, Strict)):
        case.wrong(
            f"the schema of the {offer.title} is no ctk.contract.Strict", "Its fields are the member's config keys."
        )
        return
    try:
        instance = schema()
    except ValidationError as error:
        missing = ", ".join(str(each["loc"][0]) for each in error.errors() if each["loc"])
        case.wrong(f"the schema of the {offer.title} has no default for {missing}", "`model: NAME` alone must do.")
        return
    assert isinstance(instance, BaseModel)
    json.dumps(instance.model_dump(mode="json"), allow_nan=False)
    case.saw(f"{offer.title}: {schema.__name__}")
