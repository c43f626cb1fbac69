"""The config of a run: defaults < preset < file < overrides, typed, with unknown keys refused.

Every key is a field here, or an option of the component it stands beside (a keyword-only parameter of what a plugin
registered). ``resolve`` fills in every default, so that a run's ``config.yaml`` says all there is to say.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model, model_validator

from ctk.errors import UsageError
from ctk.plugins import Plugins, nearest

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
        return {key: cls._named_by_default(key, each) for key, each in value.items()}

    @classmethod
    def _named_by_default(cls, key: str, value: Any) -> Any:
        """Options of a choice that say no name are those of the default choice."""
        default = cls.model_fields[key].default
        if isinstance(default, Choice) and isinstance(value, Mapping) and "name" not in value:
            return {"name": default.name, **value}
        return value


class Choice(BaseModel):
    """A component by name with its options beside it: ``{name: info-nce, temperature: 0.01}`` or ``info-nce``."""

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


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


Seeds = Annotated[tuple[int, ...], BeforeValidator(_listed), Field(min_length=1)]


class Split(Strict):
    """How training samples are divided. ``folds`` blocks of whole groups; the first ``use`` of them are validated on.

    ``folds: 10, use: 1`` is a single hold-out of a tenth; ``folds: 5, use: 5`` is cross-validation.
    """

    by: str | None = Field(None, description="group that stays on one side; none splits by row")
    folds: int = Field(10, ge=2, description="blocks of groups")
    use: int = Field(1, ge=1, description="how many of them are validated on, one after another")
    seed: int = Field(0, description="of the permutation of groups")


class Execution(Strict):
    """Where members are fitted. Zero means: as many as the machine has, shared out."""

    name: str = Field("local", description="a registered executor")
    workers: int = Field(0, ge=0, description="members fitted side by side")
    threads: int = Field(0, ge=0, description="torch threads of each")


class Member(Strict):
    """One configured model, trained once per seed and fold. Further keys belong to the model's own training schema."""

    name: str = Field(description="unique in the run; the model's name by default")
    model: Choice
    seeds: Seeds | None = Field(None, description="instead of the run's seeds")
    uses: tuple[str, ...] = Field((), description="members whose out-of-fold predictions it takes as features")
    blend: bool = Field(True, description="false for a baseline that is only shown")
    training: Any = Field(None, description="the model's training keys; written beside the others in a config")


class RunConfig(Strict):
    """A whole run."""

    competition: str
    preset: str = Field(description="the preset this config grew from")
    data_dir: str | None = Field(None, description="folder of the data; none is the embedded default data")
    data: Choice
    filters: tuple[Choice, ...] = ()
    split: Split = Split()
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    seeds: Seeds = (1,)
    blend: Choice = Choice(name="mean")
    executor: Execution = Execution()
    trackers: tuple[str, ...] = ("tensorboard", "csv")
    device: Literal["auto", "cpu", "gpu"] = "auto"

    def seeds_of(self, member: Member) -> tuple[int, ...]:
        """The seeds a member is trained with."""
        return member.seeds or self.seeds

    def plain(self) -> dict[str, Any]:
        """The config as plain values, with each member's training keys beside its others; what YAML shows."""
        plain = self.model_dump(mode="json")
        for member, own in zip(plain["members"], self.members, strict=True):
            training = member.pop("training")
            member.update(
                own.training.model_dump(mode="json") if isinstance(own.training, BaseModel) else training or {}
            )
        return plain


def resolve(raw: Mapping[str, Any], plugins: Plugins) -> RunConfig:
    """Check a merged config against the schema and every component's options; fill in all defaults.

    Raises UsageError naming the key, and the nearest valid one where it is unknown.
    """
    raw = dict(raw)
    members = raw.get("members")
    if not isinstance(members, Sequence) or isinstance(members, str):
        raise UsageError("Config key 'members' must be a list of members.")
    raw["members"] = _named([_member(member, f"members.{n}", plugins) for n, member in enumerate(members)])
    config = checked(RunConfig, raw, "")
    for member in config.members:
        for other in member.uses:
            if other not in {each.name for each in config.members}:
                raise UsageError(f"Member '{member.name}' uses '{other}', which is no member of this run.")
    if config.split.use > config.split.folds:
        raise UsageError(f"Config key 'split.use' is {config.split.use}, but there are {config.split.folds} folds.")
    plugins.get("executors", config.executor.name)
    for tracker in config.trackers:
        plugins.get("trackers", tracker)
    return config.model_copy(
        update={
            "data": component(config.data, "data", "data", plugins),
            "blend": component(config.blend, "blenders", "blend", plugins),
            "filters": tuple(
                component(each, "filters", f"filters.{n}", plugins) for n, each in enumerate(config.filters)
            ),
        }
    )


def component(value: Any, kind: str, where: str, plugins: Plugins) -> Choice:
    """A choice with its options checked against what was registered, and its defaults filled in."""
    choice = checked(Choice, value, where)
    schema = options_schema(plugins.load(kind, choice.name), choice.name)
    options = checked(schema, choice.options, where)
    return Choice(name=choice.name, **options.model_dump(mode="json"))


def options_schema(thing: Any, name: str) -> type[Strict]:
    """The keyword-only parameters of a class or function as a schema."""
    call = thing.__init__ if inspect.isclass(thing) else thing
    hints = typing.get_type_hints(call, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(call).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints.get(parameter.name, Any), default)
    return create_model(name, __base__=Strict, **fields)


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


def read_yaml(path: Path) -> dict[str, Any]:
    """A config file. Raises UsageError if it is missing, not YAML, or not a mapping."""
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read as YAML ({str(error).splitlines()[0]}).") from None
    if not isinstance(value, dict):
        raise UsageError(f"{path}: a config is a mapping of keys, not {type(value).__name__}.")
    return value


def override(config: dict[str, Any], assignment: str) -> None:
    """Apply one ``key=value`` in place. The value is YAML; the key a dotted path, a member by number, name or ``*``."""
    path, equals, text = assignment.partition("=")
    if not equals or not path:
        raise UsageError(f"-o {assignment}: an override is key=value.", "For example -o split.folds=5.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(f"-o {assignment}: the value is not YAML.") from None
    _assign(config, path.split("."), value, assignment)


def _assign(node: Any, path: list[str], value: Any, assignment: str) -> None:
    head, rest = path[0], path[1:]
    if isinstance(node, list):
        for index in _indices(node, head, assignment):
            if rest:
                _assign(node[index], rest, value, assignment)
            else:
                node[index] = value
        return
    if not rest:
        old = node.get(head)
        keeps = isinstance(old, Mapping) and "name" in old and old["name"] == value
        node[head] = old if keeps else value
        return
    if isinstance(node.get(head), str):
        node[head] = {"name": node[head]}
    if not isinstance(node.get(head), (dict, list)):
        node[head] = {}
    _assign(node[head], rest, value, assignment)


def _indices(items: list[Any], head: str, assignment: str) -> list[int]:
    if head == "*":
        return list(range(len(items)))
    if head.isdigit() and int(head) < len(items):
        return [int(head)]
    names = [_name(item) for item in items]
    found = [index for index, name in enumerate(names) if name == head]
    if not found:
        raise UsageError(f"-o {assignment}: there is no '{head}' in that list.", nearest(head, names, "entries"))
    return found


def _name(item: Any) -> str:
    if isinstance(item, str):
        return item
    if not isinstance(item, Mapping):
        return ""
    return str(item["name"]) if "name" in item else _name(item.get("model", ""))


def _member(raw: Any, where: str, plugins: Plugins) -> dict[str, Any]:
    """Split a member's flat keys into its own and its model's training keys, and check both."""
    from ctk.components.training import schema_of

    if not isinstance(raw, Mapping) or "model" not in raw:
        raise UsageError(f"Config key '{where}' needs a model.", f"For example {where}: {{model: ridge}}.")
    own = {key: raw[key] for key in raw if key in Member.model_fields and key != "training"}
    choice = checked(Choice, own["model"], f"{where}.model")
    thing = plugins.load("models", choice.name)
    own["model"] = component(choice, "models", f"{where}.model", plugins)
    schema = schema_of(thing)
    extra = {key: raw[key] for key in raw if key not in own}
    for key in extra:
        if key not in schema.model_fields:
            known = [*schema.model_fields, *(field for field in Member.model_fields if field != "training")]
            raise UsageError(f"Config {where}: unknown key '{key}'.", nearest(key, known, "keys"))
    training = checked(schema, extra, where)
    own["training"] = training.with_components(where, plugins) if hasattr(training, "with_components") else training
    own.setdefault("name", choice.name)
    return own


def _named(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give members of the same model distinct names, refuse names given twice or unfit for a folder."""
    seen: dict[str, int] = {}
    for member in members:
        name = str(member["name"])
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            member["name"] = f"{name}-{seen[name]}"
        if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise UsageError(f"Member name '{name}' is no folder name.", "Use letters, digits, '-', '_' and '.'.")
    return members


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
