"""Typed parts of a config: they refuse unknown keys, name components with options, and say what is wrong."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, create_model, model_validator

from ctk.errors import PluginError, UsageError, nearest
from ctk.plugins.remembered import Options, remember_options

if TYPE_CHECKING:
    from ctk.plugins import Plugins

M = TypeVar("M", bound=BaseModel)
C = TypeVar("C", bound="Choice")


class Strict(BaseModel):
    """A part of the config: frozen, unknown keys refused with the nearest valid one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        for key in value:
            if key not in cls.model_fields:
                raise ValueError(f"unknown key '{key}'. {nearest(str(key), cls.model_fields, 'keys')}")
            if isinstance(value[key], bool) and cls.model_fields[key].annotation in (int, float):
                raise ValueError(f"{key} is {str(value[key]).lower()}, which is no number")
        return {key: cls._named_by_default(key, each) for key, each in value.items()}

    @classmethod
    def _named_by_default(cls, key: str, value: Any) -> Any:
        """Options of a choice that say no name are those of the default choice."""
        default = cls.model_fields[key].default
        if isinstance(default, Choice) and isinstance(value, Mapping) and "name" not in value:
            return {"name": default.name, **value}
        return value


class Choice(BaseModel):
    """A component by name with its options beside it: ``{name: info-nce, temperature: 0.01}`` or ``info-nce``.

    A subclass may have fields of its own: keys that every component of a kind has beside its options.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @property
    def options(self) -> dict[str, Any]:
        """The options beside the name."""
        return dict(self.model_extra or {})


def component(choice: C, kind: str, where: str, plugins: Plugins) -> C:
    """A choice with its options checked against what was registered, and its defaults filled in."""
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


def _shown(schema: type[BaseModel], choice: type[Choice], thing: Any) -> Options:
    """What completion offers of a component; the keys of its kind and of a network's training are the core's own."""
    training = getattr(thing, "schema", None)
    own = {name: values for name, values in _names(schema).items() if name not in choice.model_fields}
    if training is None or hasattr(training, "with_components"):
        return Options(own=own, training=None)
    return Options(own=own, training=_names(training))


def _names(schema: type[BaseModel]) -> dict[str, list[str]]:
    return {name: named_values(field.annotation) for name, field in schema.model_fields.items()}


def checked(schema: type[M], value: Any, where: str) -> M:
    """Validate, turning the first of pydantic's complaints into one sentence that names the config key."""
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in (where, *first["loc"]) if part != "")
        if first["type"] == "value_error" and "unknown key" in str(first["ctx"]["error"]):
            problem, _, help = str(first["ctx"]["error"]).partition(". ")
            raise UsageError(f"Config{f' {key}' if key else ''}: {problem}.", help) from None
        if first["type"] == "missing":
            raise UsageError(f"Config key '{key}' is missing.") from None
        raise UsageError(f"Config key '{key}': {first['input']!r} is wrong: {_lower(first['msg'])}.") from None


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on ``base``: mappings key by key, all else (lists too) replaced; another choice starts anew."""
    merged = dict(base)
    for key, value in over.items():
        old: Any = merged.get(key)
        if isinstance(old, str) and isinstance(value, Mapping) and "name" in value:
            old = {"name": old}
        mend = isinstance(old, Mapping) and isinstance(value, Mapping)
        same = mend and value.get("name", old.get("name")) == old.get("name")
        merged[key] = merge(old, value) if same else value
    return merged


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
