"""The reference of the config: every key of the core's schemas and of its own components, with type and default."""

from __future__ import annotations

import inspect
import json
import re
import types
import typing
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ctk import components
from ctk.config.training_keys import (
    BatchSize,
    Curriculum,
    Optimizer,
    Schedule,
    Training,
    WeightAveraging,
    schema_of,
)
from ctk.contract import (
    BlendChoice,
    Choice,
    Execution,
    FeatureChoice,
    FilterChoice,
    Member,
    PseudoLabels,
    RunConfig,
    Split,
    UsedMember,
)
from ctk.plugins.component_options import options_schema
from ctk.training import TreesTraining
from making.docstrings import markdown, prose, terms

SECTIONS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("A run", "", RunConfig),
    ("split", "", Split),
    ("members", "Each entry of the list.", Member),
    ("uses", "An entry of the list that is no name of the run's own members.", UsedMember),
    ("pseudo_labels", "", PseudoLabels),
    ("A member that is a network", "These keys stand beside the member's own.", Training),
    ("optimizer", "", Optimizer),
    ("schedule", "", Schedule),
    ("batch", "", BatchSize),
    ("curriculum", "", Curriculum),
    ("swa", "", WeightAveraging),
    (
        "A member that is boosted trees",
        "These keys stand beside the member's own; `xgboost`, `lightgbm` and `catboost` have them.",
        TreesTraining,
    ),
    ("filters", "Each entry of the list.", FilterChoice),
    ("features", "Each entry, by the name that you call it.", FeatureChoice),
    ("blend", "Each of `blends` too.", BlendChoice),
    ("executor", "", Execution),
)

KINDS = {
    "models": "model",
    "losses": "loss",
    "views": "tta",
    "extractors": "features",
    "blenders": "blend",
    "executors": "executor",
    "trackers": "trackers",
}
"""What the core offers, by the config key that names it."""

HIDDEN = {("Member", "training")}
"""Keys that nobody writes: they hold what other keys said."""


def page() -> str:
    """All sections, then the options of what the core itself offers."""
    parts = [
        "# Config",
        "A config is small: what it leaves out has a default, and a run's `config.yaml` shows every one filled in. "
        "Layers go defaults < preset < `--config FILE` < `-o KEY=VALUE`. Unknown keys are refused with the nearest "
        "known one.",
        "Where a component is named, its name alone is enough, or a mapping with its options: `loss: info-nce` or "
        "`loss: {name: info-nce, temperature: 0.05}`. With `-o`, members and list entries go by name or number: "
        "`-o members.residual-mlp.optimizer.lr=1e-3`, `-o members.0.epochs=5`, `-o 'members.*.epochs=5'`.",
    ]
    for title, about, schema in SECTIONS:
        parts += [f"## {title}", about, _own_words(schema), _table(schema)]
    parts += ["## Components of the core", "Plugins add more: `ctk info COMPETITION` lists what is installed."]
    parts += ["### metric", "\n".join(f"- `{name}`: {prose(about)}" for name, _, about in offered("metrics"))]
    for kind, key in KINDS.items():
        parts.append(f"### {key}")
        for name, target, about in offered(kind):
            module, _, attribute = target.partition(":")
            thing = getattr(import_module(module), attribute)
            parts += [f"#### {name}", prose(about) + "."]
            parts.append(_table(options_schema(thing, name), thing))
            if kind == "models" and (own := schema_of(thing)).model_fields:
                parts += ["Beside the model:", _table(own, own)]
    return "\n\n".join(part for part in parts if part) + "\n"


def offered(kind: str) -> list[tuple[str, str, str]]:
    """What the core registers of a kind: name, "module:attribute", one line."""
    found: list[tuple[str, str, str]] = []

    def register(name: str, thing: str, about: str = "") -> None:
        found.append((name, thing, about))

    hook: Callable[..., None] | None = getattr(components, f"ctk_register_{kind}", None)
    if hook is not None:
        hook(register)
    return found


def _own_words(schema: type[BaseModel]) -> str:
    """The class's docstring without the tables that the page's own table holds already."""
    return markdown(inspect.cleandoc(schema.__doc__ or ""))


def _table(schema: type[BaseModel], thing: Any = None) -> str:
    told = terms(schema.__doc__) | (terms(thing.__doc__) if thing is not None else {})
    rows = []
    for name, field in schema.model_fields.items():
        if (schema.__name__, name) in HIDDEN:
            continue
        bounds = "" if _listed(field.annotation) else _bounds(field.metadata)
        default = "*needed*" if field.is_required() else f"`{_value(field.default)}`"
        use = prose(field.description) if field.description else told.get(name, "")
        rows.append(f"| `{name}` | {_type(field.annotation)}{bounds} | {default} | {use} |")
    return "\n".join(["| key | type | default | use |", "|---|---|---|---|", *rows]) if rows else ""


def _type(annotation: Any) -> str:
    """A type as a person writes it in YAML."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inside[0]) + _bounds(inside[1:])
    if origin in (typing.Union, types.UnionType):
        return " or ".join("none" if each is type(None) else _type(each) for each in inside)
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in inside)
    if origin in (tuple, list):
        if len(inside) == 2 and inside[1] is not Ellipsis:
            return "two of " + _type(inside[0])
        return "list of " + re.sub(r"^(component|mapping|number|whole number)", r"\1s", _type(inside[0]))
    if origin is dict:
        return "mapping"
    if inspect.isclass(annotation) and issubclass(annotation, Choice):
        return "component"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return "mapping"
    return {str: "text", int: "whole number", float: "number", bool: "`true`, `false`"}.get(annotation, "any")


def _listed(annotation: Any) -> bool:
    """Whether bounds are of how many entries there are; that none may be missing shows elsewhere."""
    return get_origin(annotation) in (tuple, list)


def _bounds(metadata: Any) -> str:
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    found = []
    for each in metadata:
        for part in getattr(each, "metadata", [each]):
            found += [f"{words[key]} {value}" for key in words if (value := getattr(part, key, None)) is not None]
    return f", {', '.join(found)}" if found else ""


def _value(value: Any) -> str:
    """A default as YAML would have it on one line."""
    if isinstance(value, Choice) and not value.options:
        return value.name
    if isinstance(value, BaseModel):
        return "{}"
    if value is None or value is PydanticUndefined:
        return "none"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_value(each) for each in value)}]"
    return value if isinstance(value, str) else json.dumps(value)
