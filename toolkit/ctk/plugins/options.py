"""Options of components, checked against what their plugins registered."""

from __future__ import annotations

import inspect
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import create_model

from ctk.errors import PluginError

if TYPE_CHECKING:
    from ctk.plugins import Plugins
from ctk.contract import Choice, Strict
from ctk.contract.schema import checked

C = TypeVar("C", bound="Choice")


def component(choice: C, kind: str, where: str, plugins: Plugins) -> C:
    """A choice with its options checked against what was registered, and its defaults filled in."""
    found = plugins.get(kind, choice.name)
    thing = found.load()
    try:
        schema = options_schema(thing, found.name, type(choice))
    except (AttributeError, NameError, TypeError, ValueError) as error:
        raise PluginError(
            f"The options of '{found.name}' in plugin {plugins.plugin_of(found).title} cannot be read: {error}.",
            "It must be a class or a function, and annotations of its keyword-only parameters must hold.",
        ) from error
    options = checked(schema, choice.model_dump(exclude={"name"}), where)
    return type(choice)(name=plugins.reference(found), **options.model_dump(mode="json"))


def options_schema(thing: Any, name: str, choice: type[Choice] = Choice) -> type[Strict]:
    """The keyword-only parameters of a class or function as a schema, with the keys that all of its kind have."""
    call = thing.__init__ if inspect.isclass(thing) else thing
    hints = typing.get_type_hints(call, include_extras=True)
    fields: dict[str, Any] = {
        key: (field.annotation, field) for key, field in choice.model_fields.items() if key != "name"
    }
    for parameter in inspect.signature(call).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints.get(parameter.name, Any), default)
    return create_model(name, __base__=Strict, **fields)
