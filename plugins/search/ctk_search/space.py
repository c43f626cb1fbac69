"""What a search chooses from: parameters in their order, each an Optuna distribution and the config keys it sets.

preset: baseline                                  # what is laid under all trials; may be left out
base: {members.residual-mlp.epochs: 50}           # keys that all trials share
members.residual-mlp.optimizer.lr: {low: 1.0e-4, high: 1.0e-2, log: true}
members.residual-mlp.model.hidden: [256, 512, 1024]
size:                                             # named choices, each setting several keys
  small: {members.residual-mlp.model.hidden: 128, members.residual-mlp.batch.size: 256}
  large: {members.residual-mlp.model.hidden: 1024, members.residual-mlp.batch.size: 1024}
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ctk.contract import Competition
from ctk.errors import UsageError, nearest
from ctk.files import dump_yaml, parse_yaml, refuse_packed, yaml_problem

SHAPE = "Give config keys with lists of values or ranges."
"""What helps where a space is none."""
LARGEST = 2**53
"""Whole numbers beyond are no longer exact in a study."""
MANY = 500
"""Choices that a parameter has at most; each of them is tried as a config before anything runs."""
Number = Annotated[int | float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]


@dataclass(frozen=True)
class Parameter:
    """One decision: where its value comes from, and what of a config it sets.

    sets  for choices: by what Optuna calls each, the config keys and their values; empty where the value of the key
          ``name`` is the number itself
    """

    name: str
    distribution: BaseDistribution
    sets: Mapping[Any, Mapping[str, Any]] = field(default_factory=dict)

    def assignments(self, value: Any) -> dict[str, Any]:
        """The config keys that a value stands for, each with what it is set to."""
        return dict(self.sets[value]) if self.sets else {self.name: value}

    @property
    def ends(self) -> list[Any]:
        """Values that tell whether a config takes this: every choice, or both ends of a range. One within it if it is
        continuous, for a key of whole numbers takes 8.0 and 64.0.
        """
        if isinstance(self.distribution, CategoricalDistribution):
            return list(self.distribution.choices)
        assert isinstance(self.distribution, (FloatDistribution, IntDistribution))
        low, high = self.distribution.low, self.distribution.high
        continuous = isinstance(self.distribution, FloatDistribution) and self.distribution.step is None
        return [low, high, *([low + math.pi / 8 * (high - low)] if continuous else [])]


@dataclass(frozen=True)
class Space:
    """Parameters by name in their order, keys that all trials share, the preset below them.

    source  what it is called in messages
    raw     the mapping it was read from
    """

    parameters: Mapping[str, Parameter]
    base: Mapping[str, Any]
    preset: str | None
    source: str
    raw: Mapping[str, Any]

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """As samplers take them."""
        return {name: parameter.distribution for name, parameter in self.parameters.items()}

    def overrides(self, values: Mapping[str, Any]) -> list[str]:
        """A trial's values as "key=value", those of ``base`` first."""
        keys = dict(self.base)
        for name, value in values.items():
            keys |= self.parameters[name].assignments(value)
        return [f"{key}={as_text(value)}" for key, value in keys.items()]


def find(given: Path | str | Mapping[str, Any], competition: Competition) -> Space:
    """A space by its file, as a mapping, or by its name among the competition's. Raises UsageError."""
    if isinstance(given, Mapping):
        return parse(given)
    known = competition.spaces()
    if str(given) in known:
        return parse(known[str(given)], str(given))
    if Path(given).suffix in (".yaml", ".yml") or Path(given).exists():
        return read(Path(given))
    raise UsageError(
        f"{competition.id} has no space '{given}', and there is no such file.", nearest(str(given), known, "spaces")
    )


def read(path: Path) -> Space:
    """The space of a YAML file. Raises UsageError naming file and key."""
    refuse_packed(path, UsageError, "space")
    try:
        raw = parse_yaml(path.read_text(encoding="utf-8"), lines=True)
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read as YAML ({yaml_problem(error)}).") from None
    return parse(raw, str(path))


def parse(raw: Any, source: str = "space") -> Space:
    """A space from the mapping that stands in its file. Raises UsageError naming the key."""
    if raw is None:
        raise UsageError(f"{source}: stands empty.", SHAPE)
    if not isinstance(raw, Mapping):
        raise UsageError(f"{source}: a space is a mapping of config keys, and this is none.", SHAPE)
    base = raw.get("base") or {}
    if not isinstance(base, Mapping):
        raise UsageError(f"{source}, base: must be a mapping of config keys to values.")
    preset = raw.get("preset")
    if preset is not None and not isinstance(preset, str):
        raise UsageError(f"{source}, preset: must be the name of a preset.")
    named = {key: value for key, value in raw.items() if key not in ("base", "preset")}
    if not named:
        raise UsageError(f"{source}: there is nothing to choose.", SHAPE)
    parameters = {}
    for key, value in named.items():
        if not isinstance(key, str) or not key:
            raise UsageError(
                f"{source}, {key!r}: a parameter is named by a config key, such as members.0.optimizer.lr."
            )
        parameters[key] = _parameter(key, value, f"{source}, {key}")
    _refuse_twice(parameters, base, source)
    return Space(parameters, dict(base), preset, source, dict(raw))


def labels(names: Iterable[str]) -> dict[str, str]:
    """Short names for people: as many of a key's last words as tell it from the others; "name" alone tells nothing."""
    keys = [name.split(".") for name in names]

    def tail(key: list[str]) -> str:
        for length in range(2 if key[-1] == "name" else 1, len(key)):
            if sum(other[-length:] == key[-length:] for other in keys) == 1:
                return ".".join(key[-length:])
        return ".".join(key)

    return {".".join(key): tail(key) for key in keys}


def value_text(value: Any) -> str:
    """A parameter's value for people."""
    return f"{value:.4g}" if isinstance(value, float) else as_text(value)


def as_text(value: Any) -> str:
    """A config value as it stands after -o."""
    text = dump_yaml(value, default_flow_style=True, width=math.inf)
    return text.removesuffix("\n...\n").strip()


def _parameter(name: str, value: Any, where: str) -> Parameter:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _choices(name, value, where)
    if isinstance(value, Mapping) and value and all(isinstance(each, Mapping) for each in value.values()):
        return _named_choices(name, value, where)
    if isinstance(value, Mapping):
        return _range(name, value, where)
    raise UsageError(
        f"{where}: {as_text(value)} is neither choices nor a range.",
        "For example [0.1, 0.2] or {low: 0.1, high: 0.2}; what all trials share stands under base.",
    )


def _choices(name: str, values: Sequence[Any], where: str) -> Parameter:
    if not values:
        raise UsageError(f"{where}: the list of choices is empty.", "Give at least one value.")
    if len(values) > MANY:
        raise UsageError(
            f"{where}: has {len(values):,} choices, and {MANY:,} are the most.",
            "Give numbers as a range: {low: 1, high: 5000}.",
        )
    sets: dict[Any, dict[str, Any]] = {}
    for value in values:
        # Storages keep scalars; a value of another kind goes by its text.
        label = value if value is None or isinstance(value, (bool, int, float, str)) else as_text(value)
        if any(label == other and isinstance(label, bool) == isinstance(other, bool) for other in sets):
            raise UsageError(f"{where}: {as_text(value)} stands there twice.", "Keep one of them.")
        if label in sets:  # 1 and true are one key of a mapping, and of Optuna's
            raise UsageError(f"{where}: {as_text(value)} cannot stand beside its like.", "Name the choices.")
        sets[label] = {name: value}
    return Parameter(name, CategoricalDistribution(list(sets)), sets)


def _named_choices(name: str, values: Mapping[Any, Any], where: str) -> Parameter:
    if len(values) > MANY:
        raise UsageError(f"{where}: has {len(values):,} named choices, and {MANY:,} are the most.", "Name fewer.")
    for label, keys in values.items():
        if not isinstance(label, str):
            raise UsageError(f"{where}, {label!r}: a choice is named by a text.")
        if not keys:
            raise UsageError(f"{where}, {label}: sets nothing.", "Give config keys with their values.")
    return Parameter(name, CategoricalDistribution(list(values)), {label: dict(keys) for label, keys in values.items()})


class Range(BaseModel):
    """A range as it stands in a file; ``type`` is int where all numbers are whole, unless said."""

    model_config = ConfigDict(extra="forbid", strict=True)
    low: Number
    high: Number
    log: bool = False
    step: Number | None = None
    type: Literal["int", "float"] | None = None

    def distribution(self) -> BaseDistribution:
        """Optuna's distribution. Raises ValueError where there is none, or a step does not lead from low to high."""
        if self.low == self.high:
            raise ValueError(f"the range from {self.low} to {self.high} is empty")
        numbers = [each for each in (self.low, self.high, self.step) if each is not None]
        kind = self.type or ("int" if all(isinstance(each, int) for each in numbers) else "float")
        if kind == "int" and (fraction := [each for each in numbers if each != int(each)]):
            raise ValueError(f"{fraction[0]} is no whole number, and type is int")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                if kind == "int":
                    step = 1 if self.step is None else int(self.step)
                    return IntDistribution(int(self.low), int(self.high), log=self.log, step=step)
                return FloatDistribution(self.low, self.high, log=self.log, step=self.step)
            except UserWarning:  # Optuna would shorten the range
                raise ValueError(f"step {self.step} does not lead from {self.low} to {self.high}") from None


def _range(name: str, value: Mapping[Any, Any], where: str) -> Parameter:
    try:
        return Parameter(name, Range.model_validate(value).distribution())
    except ValidationError as error:
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise UsageError(f"{where}: unknown key '{key}'.", nearest(key, Range.model_fields, "keys")) from None
        if first["type"] == "missing":
            raise UsageError(f"{where}: a range has no '{key}'.", "For example {low: 0.1, high: 0.2}.") from None
        raise UsageError(f"{where}, {key}: {as_text(first['input'])} is wrong: {first['msg']}.") from None
    except ValueError as error:
        raise UsageError(f"{where}: {str(error).rstrip('.')}.") from None


def _refuse_twice(parameters: Mapping[str, Parameter], base: Mapping[str, Any], source: str) -> None:
    """No key is set from two places: whose value it had would depend on their order."""
    setters: dict[str, str] = dict.fromkeys(map(str, base), "base")
    for name, parameter in parameters.items():
        own = {str(key) for keys in parameter.sets.values() for key in keys} if parameter.sets else {name}
        for key in own:
            if key in setters:
                raise UsageError(f"{source}, {name}: sets {key}, as {setters[key]} does.", "Keep one of them.")
            setters[key] = name
