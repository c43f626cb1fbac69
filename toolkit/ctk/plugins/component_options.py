"""RememberedOptions of components, checked against what their plugins registered."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Any, TypeVar

from pydantic import BaseModel, create_model

from ctk.contract import Choice, Strict
from ctk.contract.schema import validate_config
from ctk.errors import PluginError
from ctk.plugins import Plugins
from ctk.plugins import plugins as installed
from ctk.plugins.load_cache import RememberedOptions, remember_options

C = TypeVar("C", bound="Choice")

OF_DEFAULTS: dict[type, Any] = {bool: bool, int: int | float, float: float, str: str}
"""What an option without an annotation takes, by the type of its default: 1 may be meant to be 0.5."""


def resolve_choice(choice: C, kind: str, where: str, plugins: Plugins | None = None) -> C:
    """Return a choice with its options checked against what was registered, and its defaults filled in.

    kind   "models", "samplers", ...: what a register hook is called after
    where  the config key of the choice, for errors

    Raises UsageError for a name or an option that is not there, PluginError where its plugin cannot be used.
    """
    plugins = plugins or installed()
    found = plugins.get(kind, choice.name)
    plugin = plugins.plugin_of(found)
    first = isinstance(found.thing, str)
    thing = found.load()
    try:
        schema = options_schema(thing, found.name, type(choice))
    except (AttributeError, NameError, TypeError, ValueError) as error:
        raise PluginError(
            f"The options of '{found.name}' in plugin {plugin.title} cannot be read: {error}.",
            "It must be a class or a function, and annotations of its keyword-only parameters must hold.",
        ) from error
    if first:
        remember_options(found, plugin, _shown(schema, type(choice), thing))
    options = validate_config(schema, choice.model_dump(exclude={"name"}), where)
    return type(choice)(name=plugins.reference(found), **options.model_dump(mode="json"))


def options_schema(thing: Any, name: str, choice: type[Choice] = Choice) -> type[Strict]:
    """The keyword-only parameters of a class or function as a schema, with the keys that all of its kind have.

    One without an annotation has the type of its default, where that is a number, a text or a truth value.
    """
    call = thing.__init__ if inspect.isclass(thing) else thing
    hints = typing.get_type_hints(call, include_extras=True)
    fields: dict[str, Any] = {
        key: (field.annotation, field) for key, field in choice.model_fields.items() if key != "name"
    }
    for parameter in inspect.signature(call).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            default = ... if parameter.default is parameter.empty else parameter.default
            usual = OF_DEFAULTS.get(type(default), Any)
            fields[parameter.name] = (hints.get(parameter.name, usual), default)
    return create_model(name, __base__=Strict, **fields)


def named_values(annotation: Any) -> list[str]:
    """The values that an annotation names: of a bool, of a Literal, of either among others."""
    if annotation is bool:
        return ["true", "false"]
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return [str(value) for value in inner]
    if origin in (typing.Union, types.UnionType):
        named = [value for each in inner if each is not type(None) for value in named_values(each)]
        return [*named, "null"] if named and type(None) in inner else named
    return named_values(inner[0]) if origin is typing.Annotated else []


def _shown(schema: type[BaseModel], choice: type[Choice], thing: Any) -> RememberedOptions:
    """What completion offers of a component; the keys of its kind and of a network's training are the core's own."""
    training = getattr(thing, "schema", None)
    own = {name: values for name, values in _names(schema).items() if name not in choice.model_fields}
    if training is None or hasattr(training, "with_components"):
        return RememberedOptions(own=own, training=None)
    return RememberedOptions(own=own, training=_names(training))


def _names(schema: type[BaseModel]) -> dict[str, list[str]]:
    return {name: named_values(field.annotation) for name, field in schema.model_fields.items()}
