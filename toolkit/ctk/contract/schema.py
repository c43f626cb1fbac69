"""Typed parts of a config: they refuse unknown keys, name components with options, and say what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ctk.errors import UsageError, nearest

M = TypeVar("M", bound=BaseModel)


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
    name: str = Field(description="a registered component of this kind")

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @property
    def options(self) -> dict[str, Any]:
        """The options beside the name."""
        return dict(self.model_extra or {})


def validate_config(schema: type[M], value: Any, where: str) -> M:
    """Validate a part of a config. Raises UsageError with the first of pydantic's complaints and the config key."""
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in (where, *_keys(first["loc"], value)) if part != "")
        key += f".{first['loc'][-1]}" if first["type"] == "missing" else ""
        if first["type"] == "value_error" and "unknown key" in str(first["ctx"]["error"]):
            problem, _, help = str(first["ctx"]["error"]).partition(". ")
            raise UsageError(f"Config{f' {key}' if key else ''}: {problem}.", help) from None
        if first["type"] == "missing":
            raise UsageError(f"Config key '{key}' is missing.") from None
        raise UsageError(f"Config key '{key}': {first['input']!r} is wrong: {_lower(first['msg'])}.") from None


def merge_configs(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay ``over`` on ``base``: mappings key by key, all else (lists too) replaced; another choice starts anew."""
    merged = dict(base)
    for key, value in over.items():
        old: Any = merged.get(key)
        if isinstance(old, str) and isinstance(value, Mapping) and "name" in value:
            old = {"name": old}
        mend = isinstance(old, Mapping) and isinstance(value, Mapping)
        same = mend and value.get("name", old.get("name")) == old.get("name")
        merged[key] = merge_configs(old, value) if same else value
    return merged


def _keys(place: Sequence[str | int], value: Any) -> Iterator[str | int]:
    """Keys of a place that pydantic names which are in the value: it names the kinds of a union there too."""
    for key in place:
        if key in value if isinstance(value, Mapping) else isinstance(value, (list, tuple)) and isinstance(key, int):
            value = value[key]
            yield key


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
