"""The config of a run: defaults < preset < file < overrides, typed, with unknown keys refused.

Every key is a field here, or an option of the component it stands beside (a keyword-only parameter of what a plugin
registered). ``resolve`` fills in every default, so that a run's ``config.yaml`` says all there is to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, Field

from ctk.components.training import schema_of
from ctk.errors import UsageError, nearest
from ctk.files import parse_yaml
from ctk.runs import is_folder_name
from ctk.schema import Choice, Strict, checked, component, merge

if TYPE_CHECKING:
    from ctk.competition import Competition
    from ctk.plugins import Plugins


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


Seed = Annotated[int, Field(ge=0, lt=2**31)]
Seeds = Annotated[tuple[Seed, ...], BeforeValidator(_listed), Field(min_length=1)]


Scheme = Literal["kfold", "group", "stratified-group", "time"]


class Split(Strict):
    """How training samples are divided. ``folds`` blocks of whole groups; the first ``use`` of them are validated on.

    ``folds: 10, use: 1`` is a single hold-out of a tenth; ``folds: 5, use: 5`` is cross-validation. ``predefined``
    names a group whose numbers are the folds, where -1 is always trained on (as in scikit-learn's PredefinedSplit).
    ``scheme: time`` cuts blocks in the order of time, and uses the last of them.
    """

    scheme: Scheme | None = Field(
        None,
        description="how folds are drawn; none: predefined where that is named, else group where by is, else kfold",
    )
    by: str | None = Field(
        None, description="group that stays on one side; for time, the one whose numbers are the times"
    )
    predefined: str | None = Field(None, description="group whose numbers are the folds, instead of drawing them")
    folds: int = Field(10, ge=2, description="blocks of groups")
    use: int = Field(1, ge=1, description="how many of them are validated on, one after another")
    seed: int = Field(0, description="of the permutation of groups")
    stratify: str | None = Field(
        None, description="stratified-group: group whose shares are alike in every fold; none is the target"
    )
    chain: bool = Field(
        True, description="time: train on what is earlier alone; false: on what is later too, and validate every row"
    )
    gap: int = Field(0, ge=0, description="time: units of time next to what is validated that are not trained on")

    @property
    def drawn_by(self) -> Scheme | Literal["predefined"]:
        """The scheme in force."""
        if self.predefined is not None:
            return "predefined"
        return self.scheme or ("kfold" if self.by is None else "group")


class Execution(Choice):
    """Where members are fitted. Zero means: as many as the machine has, shared out. Further keys are the executor's."""

    name: str = Field("local", description="a registered executor")
    workers: int = Field(0, ge=0, strict=True, description="members fitted side by side")
    threads: int = Field(0, ge=0, strict=True, description="torch threads of each")


class Member(Strict):
    """One configured model, trained once per seed and fold. Further keys belong to the model's own training schema."""

    name: str = Field(description="unique in the run; the model's name by default")
    model: Choice = Field(description="a registered model, with its options")
    seeds: Seeds | None = Field(None, description="instead of the run's seeds")
    uses: tuple[str, ...] = Field((), description="members whose out-of-fold predictions it takes as features")
    blend: bool = Field(True, description="false for a baseline that is only shown")
    training: Any = Field(None, description="the model's training keys; written beside the others in a config")


class RunConfig(Strict):
    """A whole run."""

    competition: str = Field(description="a registered competition")
    preset: str = Field(description="the preset this config grew from")
    data_dir: str | None = Field(None, description="folder of the data; none is the embedded default data")
    data: Choice = Field(description="a registered data reader; the competition's own by default")
    filters: tuple[Choice, ...] = Field((), description="what drops training samples, one after another")
    split: Split = Field(Split(), description="which samples are validated on")
    members: tuple[Member, ...] = Field(min_length=1, description="the models that are fitted")
    seeds: Seeds = Field((1,), description="each member is fitted once with each")
    blend: Choice = Field(Choice(name="mean"), description="what finds the members' weights")
    submission: str | None = Field(None, description="suffix of the submission's file; none is the competition's usual")
    checkpoints: str | None = Field(None, description="folder of a run whose members and blend predict, without a fit")
    executor: Execution = Field(Execution(), description="where members are fitted")
    trackers: Annotated[tuple[Choice, ...], BeforeValidator(_listed)] = Field(
        (Choice(name="tensorboard"), Choice(name="csv")), description="who is told of losses and scores"
    )
    device: Literal["auto", "cpu", "gpu"] = Field("auto", description="auto: a GPU where there is one")

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


def base_config(competition: Competition, data: Path | str | None, preset: str | None = None) -> dict[str, Any]:
    """A competition's config before file and overrides: its defaults under a preset. Raises UsageError."""
    presets = competition.presets()
    name = preset or (competition.embedded if data is None else competition.default)
    if name not in presets:
        raise UsageError(f"{competition.id} has no preset '{name}'.", nearest(name, presets, "presets"))
    base = {
        "competition": competition.named,
        "preset": name,
        "data_dir": None if data is None else str(Path(data).resolve()),
        "data": {"name": competition.reader},
    }
    return merge(base, presets[name])


def saved_config(competition: Competition, checkpoints: Path | str, data: Path | str | None) -> dict[str, Any]:
    """The config of a saved run, to predict with its members; on its data, or on other. Raises UsageError."""
    from ctk.competition import is_named

    folder = Path(checkpoints).resolve()
    if not (folder / "config.yaml").is_file():
        raise UsageError(f"{checkpoints} is no run's folder: it has no config.yaml.", "`ctk runs` lists the runs.")
    saved = read_yaml(folder / "config.yaml")
    if not is_named(competition, str(saved.get("competition"))):
        raise UsageError(f"{folder} is a run of {saved.get('competition')}, not of {competition.named}.")
    if "members" not in saved:
        raise UsageError(f"{folder} is a blend of other runs.", "Give a run that has members of its own.")
    # Filters choose what is learned from; nothing is learned here.
    saved |= {"competition": competition.named, "checkpoints": str(folder), "filters": []}
    if data is not None:
        saved["data_dir"] = str(Path(data).resolve())
    return saved


def resolve(raw: Mapping[str, Any], plugins: Plugins) -> RunConfig:
    """Check a merged config against the schema and every component's options; fill in all defaults.

    Raises UsageError naming the key, and the nearest valid one where it is unknown.
    """
    raw = dict(raw)
    # A competition's own names mean its own components, whatever else is installed.
    plugins = plugins.beside("competitions", str(raw.get("competition")))
    members = raw.get("members")
    if not isinstance(members, Sequence) or isinstance(members, str):
        raise UsageError("Config key 'members' must be a list of members.")
    raw["members"] = _named([_member(member, f"members.{n}", plugins) for n, member in enumerate(members)])
    config = checked(RunConfig, raw, "")
    for member in config.members:
        for other in member.uses:
            if other not in (names := [each.name for each in config.members]):
                problem = f"Member '{member.name}' uses '{other}', which is no member of this run."
                raise UsageError(problem, nearest(other, names, "members"))
    _check_split(config.split)
    return config.model_copy(
        update={
            "data": component(config.data, "data", "data", plugins),
            "executor": component(config.executor, "executors", "executor", plugins),
            "blend": component(config.blend, "blenders", "blend", plugins),
            "filters": tuple(
                component(each, "filters", f"filters.{n}", plugins) for n, each in enumerate(config.filters)
            ),
            "trackers": tuple(
                component(each, "trackers", f"trackers.{n}", plugins) for n, each in enumerate(config.trackers)
            ),
        }
    )


def _check_split(split: Split) -> None:
    """Refuse keys that contradict each other, or that the scheme does not read. Raises UsageError."""
    if split.use > split.folds:
        raise UsageError(f"Config key 'split.use' is {split.use}, but there are {split.folds} folds.")
    if split.scheme is not None and split.predefined is not None:
        raise UsageError(
            f"Config keys 'split.scheme' and 'split.predefined' are both set: folds are drawn by {split.scheme}, or "
            f"are those of group '{split.predefined}'.",
            "Take one away: -o split.scheme=null or -o split.predefined=null.",
        )
    if split.scheme == "kfold" and split.by is not None:
        raise UsageError(
            f"Config key 'split.by' is '{split.by}', and kfold keeps no group on one side.",
            "Take -o split.scheme=group, or -o split.by=null.",
        )
    for key, scheme in (("stratify", "stratified-group"), ("chain", "time"), ("gap", "time")):
        if getattr(split, key) != Split.model_fields[key].default and split.scheme != scheme:
            raise UsageError(f"Config key 'split.{key}' is for -o split.scheme={scheme} alone.")


def read_yaml(path: Path) -> dict[str, Any]:
    """A config file. Raises UsageError if it is missing, not YAML, or not a mapping."""
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))  # libyaml tells other lines where one is not closed
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read as YAML ({unreadable(error)}).") from None
    if not isinstance(value, dict):
        raise UsageError(f"{path}: a config is a mapping of keys, not {type(value).__name__}.")
    return value


def unreadable(error: Exception) -> str:
    """Why a YAML file cannot be read, with the line where one is to blame."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return getattr(error, "strerror", None) or str(error).splitlines()[0]


def override(config: dict[str, Any], assignment: str) -> None:
    """Apply one ``key=value`` in place. The value is YAML; the key a dotted path, a member by number, name or ``*``."""
    path, equals, text = assignment.partition("=")
    if not equals or not path:
        raise UsageError(f"-o {assignment}: an override is key=value.", "For example -o split.folds=5.")
    try:
        value = parse_yaml(text)
    except yaml.YAMLError:
        raise UsageError(f"-o {assignment}: the value is not YAML.") from None
    _assign(config, path.split("."), value, assignment)


def _assign(node: Any, path: list[str], value: Any, assignment: str) -> None:
    head, rest = path[0], path[1:]
    if isinstance(node, list):
        for index in _indices(node, head, assignment):
            if not rest:
                node[index] = value
                continue
            if isinstance(node[index], str):
                node[index] = {"name": node[index]}
            if not isinstance(node[index], (dict, list)):
                raise UsageError(f"-o {assignment}: {head} is {node[index]!r}, which has no keys.")
            _assign(node[index], rest, value, assignment)
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
    names = [entry_name(item) for item in items]
    found = [index for index, name in enumerate(names) if name == head]
    if not found:
        raise UsageError(f"-o {assignment}: there is no '{head}' in that list.", nearest(head, names, "entries"))
    return found


def entry_name(item: Any) -> str:
    """What an entry of a list (a member, a filter) is called in the dotted path of an override; empty for none."""
    if isinstance(item, str):
        return item
    if not isinstance(item, Mapping):
        return ""
    return str(item["name"]) if "name" in item else entry_name(item.get("model", ""))


def _member(raw: Any, where: str, plugins: Plugins) -> dict[str, Any]:
    """Split a member's flat keys into its own and its model's training keys, and check both."""
    if not isinstance(raw, Mapping) or "model" not in raw:
        raise UsageError(f"Config key '{where}' needs a model.", f"For example {where}: {{model: ridge}}.")
    own = {key: raw[key] for key in raw if key in Member.model_fields and key != "training"}
    choice = checked(Choice, own["model"], f"{where}.model")
    thing = plugins.load("models", choice.name)
    own["model"] = component(choice, "models", f"{where}.model", plugins)
    own.setdefault("name", choice.name.rpartition(":")[2])
    schema = schema_of(thing)
    extra = {key: raw[key] for key in raw if key not in own}
    for key in extra:
        if key not in schema.model_fields:
            known = [*schema.model_fields, *(field for field in Member.model_fields if field != "training")]
            raise UsageError(f"Config {where}: unknown key '{key}'.", nearest(key, known, "keys"))
    training = checked(schema, extra, where)
    own["training"] = training.with_components(where, plugins) if hasattr(training, "with_components") else training
    if own.get("uses") and (reads := getattr(thing, "features", None)):
        raise UsageError(
            f"Config {where}: '{choice.name}' reads only {', '.join(reads)}; it cannot use other members' predictions.",
            "Give `uses` to a model that reads every feature, such as ridge.",
        )
    return own


def _named(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give members of the same model distinct names, refuse names given twice or unfit for a folder."""
    taken: set[str] = set()
    for member in members:
        name, number = str(member["name"]), 2
        if not is_folder_name(name):
            raise UsageError(f"Member name '{name}' is no folder name.", "Use letters, digits, '-', '_' and '.'.")
        while member["name"] in taken:
            member["name"], number = f"{name}-{number}", number + 1
        taken.add(member["name"])
    return members
