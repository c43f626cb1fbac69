"""What may stand behind ``-o``: the keys of a config and their values, level by level.

A component is imported only where nobody has loaded it since it was installed or changed.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from ctk.config.overrides import entry_name
from ctk.config.training_keys import Training
from ctk.contract import BlendChoice, Choice, Execution, FeatureChoice, FilterChoice, Member, RunConfig
from ctk.errors import CtkError
from ctk.plugins import plugins
from ctk.plugins.component_options import named_values, resolve_choice
from ctk.plugins.load_cache import RememberedOptions, recall_options

KINDS = {
    "model": "models",
    "loss": "losses",
    "transforms": "transforms",
    "tta": "views",
    "data": "data",
    "blend": "blenders",
    "filters": "filters",
    "trackers": "trackers",
}
"""The kinds of the keys that hold components."""
NAMED = {"blends": "blenders", "features": "extractors"}
"""The kinds of the keys that hold components by names of the user's."""
OPTIONS_OF_THEIR_OWN = ("competition", "preset", "data_dir", "checkpoints")
"""Keys that the command line sets in other ways."""


class Key(NamedTuple):
    """One key: what it is, values that can be named with what they are, and the keys below it.

    ``assigned`` is whether ``key=value`` makes sense.
    """

    about: str = ""
    values: Mapping[str, str] = types.MappingProxyType({})
    below: Callable[[], Mapping[str, Key]] | None = None
    assigned: bool = True


Keys = Mapping[str, Key]


def candidates(keys: Keys, typed: str) -> list[tuple[str, str]]:
    """How ``typed`` may go on: (text, about) each. It ends in a dot where keys follow, in ``=`` where a value does."""
    path, equals, _ = typed.partition("=")
    head, dot, _ = path.partition(".")
    if dot:
        key = keys.get(head)
        below = key.below() if key and key.below else {}
        return [(f"{head}.{text}", about) for text, about in candidates(below, typed[len(head) + 1 :])]
    if equals:
        return [(f"{head}={value}", about) for value, about in keys.get(head, Key()).values.items()]
    found = [each for each in _level(keys) if each[0].startswith(typed)]
    if len(found) == 1 and found[0][0].endswith("."):
        return candidates(keys, found[0][0])
    return found


def run_keys(raw: Mapping[str, Any]) -> Keys:
    """The keys of a run's config; ``raw`` is the config so far, as in a preset."""
    keys = _of_model(RunConfig, raw)
    return {name: key for name, key in keys.items() if name not in OPTIONS_OF_THEIR_OWN}


def component_keys(kind: str, name: str) -> Keys:
    """The options of one component."""
    options = _options(kind, name)
    return {} if options is None else _plain(options["own"])


def choice(kind: str, value: Any, about: str = "") -> Key:
    """A key that holds a component: by name, with its options below; ``value`` is the one it holds so far."""
    names = {name: component.about for name, component in plugins().known(kind).items()}
    name = value if isinstance(value, str) else value.get("name", "") if isinstance(value, Mapping) else ""
    choices: dict[str, type[Choice]] = {"filters": FilterChoice, "blenders": BlendChoice, "extractors": FeatureChoice}
    shared = choices.get(kind, Choice)
    own = {key: Key(field.description or "") for key, field in shared.model_fields.items()}
    return Key(about, names, lambda: {**own, "name": Key("", names), **component_keys(kind, name)})


def _level(keys: Keys) -> Iterator[tuple[str, str]]:
    for name, key in keys.items():
        if key.assigned:
            yield f"{name}=", key.about
        if key.below is not None:
            yield f"{name}.", key.about


def _of_model(model: type[BaseModel], raw: Mapping[str, Any]) -> dict[str, Key]:
    keys = {}
    for name, field in model.model_fields.items():
        value = raw[name] if name in raw else _plain_value(field.default)
        keys[name] = _of_field(name, field.annotation, value, field.description or "")
    if model is Execution:
        keys["name"] = choice("executors", "", keys["name"].about)._replace(below=None)
        keys |= component_keys("executors", entry_name(raw))
    return keys


def _of_field(name: str, annotation: Any, value: Any, about: str) -> Key:
    if name == "members":
        return _of_list(value, _of_member, about)
    if name in NAMED and isinstance(value, Mapping):
        kind = NAMED[name]
        return Key(about, below=lambda: {each: choice(kind, one) for each, one in value.items()}, assigned=False)
    if name == "stages":
        return _of_list(value, lambda each: Key(below=lambda: _of_model(Training, each), assigned=False), about)
    if name in KINDS and annotation is not bool:
        if isinstance(value, Sequence) and not isinstance(value, str):
            return _of_list(value, lambda each: choice(KINDS[name], each), about)
        return choice(KINDS[name], value, about)
    own, *others = get_args(annotation) or (annotation,)
    if isinstance(own, type) and issubclass(own, BaseModel) and others in ([], [types.NoneType]):
        inner = value if isinstance(value, Mapping) else {}
        return Key(about, below=lambda: _of_model(own, inner), assigned=False)
    return Key(about, dict.fromkeys(named_values(annotation), ""))


def _of_list(items: Any, make: Callable[[Any], Key], about: str) -> Key:
    """Entries by what they are called, or else their number, and all of them as ``*``."""
    items = items if isinstance(items, Sequence) else ()
    entries = {entry_name(item) or str(number): make(item) for number, item in enumerate(items)}

    def every() -> Keys:
        return {name: key for entry in entries.values() if entry.below for name, key in entry.below().items()}

    all_of_them = {"*": Key("all of them", below=every, assigned=False)} if len(entries) > 1 else {}
    return Key(about, below=(lambda: {**entries, **all_of_them}) if entries else None)


def _of_member(raw: Any) -> Key:
    """A member's own keys and its model's training keys."""
    raw = raw if isinstance(raw, Mapping) else {}

    def below() -> Keys:
        own = {name: key for name, key in _of_model(Member, raw).items() if name != "training"}
        own["filters"] = Key(own["filters"].about)
        if (options := _options("models", entry_name(raw.get("model", "")))) is None:
            return own
        training = options["training"]
        return {**own, **(_of_model(Training, raw) if training is None else _plain(training))}

    return Key(below=below, assigned=False)


def _options(kind: str, name: str) -> RememberedOptions | None:
    """What a component showed when it was last loaded, else what it shows now; None where it does not load."""
    known = plugins()
    if (found := known.known(kind).get(name)) is None:
        return None
    plugin = known.plugin_of(found)
    if (kept := recall_options(found, plugin)) is None:
        with suppress(CtkError):  # that an option without a default is missing, say
            resolve_choice(Choice(name=name), kind, "", known)
        kept = recall_options(found, plugin)
    return kept


def _plain_value(default: Any) -> Any:
    if isinstance(default, tuple):
        return [_plain_value(each) for each in default]
    return default.model_dump() if isinstance(default, BaseModel) else default


def _plain(keys: Mapping[str, Sequence[str]]) -> Keys:
    return {name: Key("", dict.fromkeys(values, "")) for name, values in keys.items()}
