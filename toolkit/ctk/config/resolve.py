"""The config of a run: defaults < preset < file < overrides, typed, with unknown keys refused.

Every key is a field here, or an option of the component it stands beside (a keyword-only parameter of what a plugin
registered). ``resolve`` fills in every default, so that a run's ``config.yaml`` says all there is to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ctk.config.training_keys import schema_of
from ctk.contract import Choice, Competition
from ctk.contract.run_config import BY_ROW, Member, PseudoLabels, RunConfig, Split
from ctk.contract.schema import merge_configs, validate_config
from ctk.errors import UsageError, nearest
from ctk.files import is_folder_name
from ctk.plugins import Plugins
from ctk.plugins.component_options import resolve_choice
from ctk.plugins.guard import competition_of, is_named
from ctk.runs import Run

NO_TEXT = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
"""What no file's name has; the surrogates between stand for its bytes that are not UTF-8."""


def base_config(competition: Competition, data: Path | str | None, preset: str | None = None) -> dict[str, Any]:
    """Make a competition's config before file and overrides: its defaults under a preset. Raises UsageError."""
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
    return merge_configs(base, presets[name])


def checkpoints_config(competition: Competition, checkpoints: Path | str, data: Path | str | None) -> dict[str, Any]:
    """Make the config that predicts with the members of a saved run, on its data or on other. Raises UsageError."""
    folder = Path(checkpoints).resolve()
    if not (folder / "config.yaml").is_file():
        raise UsageError(f"{checkpoints} is no run's folder: it has no config.yaml.", "`ctk runs` lists the runs.")
    saved = Run(folder).config()
    if not is_named(competition, saved["competition"]):
        raise UsageError(f"{folder} is a run of {saved['competition']}, not of {competition.named}.")
    if "members" not in saved:
        raise UsageError(f"{folder} is a blend of other runs.", "Give a run that has members of its own.")
    # Filters and pseudo-labels are for what is learned from; nothing is learned here.
    saved |= {"competition": competition.named, "checkpoints": str(folder), "filters": []}
    saved["members"] = [{**member, "filters": None, "pseudo_labels": None} for member in saved["members"]]
    if data is not None:
        saved["data_dir"] = str(Path(data).resolve())
    return saved if saved.get("time_limit") is None else _of_members_in_time(saved, Run(folder))


def _of_members_in_time(saved: dict[str, Any], run: Run) -> dict[str, Any]:
    """Return the config of a run with a time limit as of the members that it fitted, with the folds that these have.

    Raises UsageError where there is none.
    """
    parts = run.parts()
    if not parts:
        raise UsageError(f"{run.folder} has no member: its time limit left all of them out.", "Give another run.")
    seeds = {part.member: sorted({each.seed for each in parts if each.member == part.member}) for part in parts}
    keys = {part.key for part in parts}

    def of_these(choice: Any) -> Any:
        if not isinstance(choice, Mapping) or not choice.get("members"):
            return choice
        return {**choice, "members": [name for name in choice["members"] if name in seeds or name in keys]}

    return {
        **saved,
        "time_limit": None,
        "members": [{**each, "seeds": seeds[each["name"]]} for each in saved["members"] if each["name"] in seeds],
        "split": {**saved["split"], "use": len({part.fold for part in parts})},
        "blend": of_these(saved["blend"]),
        "blends": {
            name: of_these(each)
            for name, each in saved.get("blends", {}).items()
            if (run.folder / "blends" / name / "blend.json").exists()
        },
    }


def resolve(raw: Mapping[str, Any], plugins: Plugins) -> RunConfig:
    """Check a merged config against the schema and every component's options; fill in all defaults.

    Raises UsageError naming the key, and the nearest valid one where it is unknown.
    """
    _refuse_no_text(raw)
    raw = dict(raw)
    # A competition's own names mean its own components, whatever else is installed.
    plugins = plugins.beside("competitions", str(raw.get("competition")))
    members = raw.get("members")
    if not isinstance(members, Sequence) or isinstance(members, str):
        raise UsageError("Config key 'members' must be a list of members.")
    raw["members"] = _name_members([_member(member, f"members.{n}", plugins) for n, member in enumerate(members)])
    if "blend" in raw:
        raw["blend"] = _named_blend(raw["blend"], raw.get("blends"))
    config = validate_config(RunConfig, raw, "")
    _check_asked(config)
    _check_split(config.split)
    _check_features(config)
    _check_names(config)
    return config.model_copy(
        update={
            "postprocess": _postprocess_choice(config),
            "submission": _submission_choice(config),
            "data": resolve_choice(config.data, "data", "data", plugins),
            "executor": resolve_choice(config.executor, "executors", "executor", plugins),
            "metric": config.metric and plugins.reference(plugins.get("metrics", config.metric)),
            "blend": resolve_choice(config.blend, "blenders", "blend", plugins),
            "blends": {
                name: resolve_choice(each, "blenders", f"blends.{name}", plugins)
                for name, each in config.blends.items()
            },
            "features": {
                name: resolve_choice(each, "extractors", f"features.{name}", plugins)
                for name, each in config.features.items()
            },
            "filters": tuple(
                resolve_choice(each, "filters", f"filters.{n}", plugins) for n, each in enumerate(config.filters)
            ),
            "trackers": tuple(
                resolve_choice(each, "trackers", f"trackers.{n}", plugins) for n, each in enumerate(config.trackers)
            ),
        }
    )


def _postprocess_choice(config: RunConfig) -> bool | dict[str, Any]:
    """Fill in the competition's options of its postprocessing, unless nothing is to be mended. Raises UsageError."""
    choice = config.postprocess
    try:
        schema = competition_of(config.competition).postprocess_options()
    except UsageError:  # there is no such competition, which whoever runs it is told
        return choice
    if choice is False or (choice is True and schema is None):
        return choice
    if schema is None:
        raise UsageError(
            f"Config key 'postprocess': {config.competition} has no options of it.", "It is true or false."
        )
    return validate_config(schema, {} if choice is True else choice, "postprocess").model_dump(mode="json")


def _submission_choice(config: RunConfig) -> str | dict[str, Any] | None:
    """Fill in the competition's options of what is handed in, where the config has any. Raises UsageError."""
    if not isinstance(config.submission, dict):
        return config.submission
    schema = competition_of(config.competition).submission_options()
    if schema is None:
        problem = f"Config key 'submission': {config.competition} has no options of it."
        raise UsageError(problem, "It is the suffix of the submission's file.")
    return validate_config(schema, config.submission, "submission").model_dump(mode="json")


def _check_asked(config: RunConfig) -> None:
    """Refuse members that ask themselves, what is not there, or two of one name; and noise on nothing."""
    names = [each.name for each in config.members]
    for member in config.members:
        labels = member.pseudo_labels
        for asks, others in (("uses", member.uses), ("takes pseudo-labels of", labels.of if labels else ())):
            for other in (each for each in others if isinstance(each, str)):
                if other == member.name:
                    near = nearest(other, [name for name in names if name != other], "other members")
                    raise UsageError(f"Member '{member.name}' {asks} itself.", near)
                if other not in names:
                    problem = f"Member '{member.name}' {asks} '{other}', which is no member of this run."
                    raise UsageError(problem, nearest(other, names, "members"))
        if twice := [name for name in member.uses_names if member.uses_names.count(name) > 1]:
            problem = f"Member '{member.name}' uses two members called '{twice[0]}', whose features would be one."
            raise UsageError(problem, "Name each once.")
        if member.noise and not member.uses:
            raise UsageError(
                f"Member '{member.name}' has noise, which is for other members' predictions, and uses none.",
                "Name some with uses.",
            )
        if labels is not None:
            _check_pseudo_labels(config, member.name, labels, member.uses_names)


def _check_pseudo_labels(config: RunConfig, name: str, labels: PseudoLabels, uses: Sequence[str]) -> None:
    """Refuse pseudo-labels through which a member could learn of what its folds validate."""
    if twice := [str(each) for each in labels.of if labels.of.count(each) > 1]:
        raise UsageError(f"Member '{name}' takes pseudo-labels of '{twice[0]}' twice.", "Name each once.")
    stacked = [name] if uses else [each.name for each in config.members if each.uses and each.name in labels.of]
    if stacked:
        raise UsageError(
            f"Member '{name}' takes pseudo-labels, and '{stacked[0]}' uses other members: what these predict for the "
            "test comes of all folds, and so of the validation rows.",
            "Take pseudo-labels by and of members that use none.",
        )


def _named_blend(blend: Any, blends: Any) -> Any:
    """Return what ``blend`` says: where it is the name of one of ``blends``, what that says."""
    name = blend.get("name") if isinstance(blend, Mapping) else blend
    return blends[name] if isinstance(blends, Mapping) and isinstance(name, str) and name in blends else blend


def _check_names(config: RunConfig) -> None:
    """Refuse what members, filters and blends name and that is not there, and odd bins of rows. Raises UsageError."""
    for member in config.members:
        for name in member.filters or ():
            if name not in config.filter_names:
                problem = f"Member '{member.name}' names filter '{name}', which is none of this run."
                raise UsageError(problem, nearest(name, config.filter_names, "filters"))
    asked = {f"filters.{n}": (each.member,) for n, each in enumerate(config.filters) if each.member and not each.run}
    blended = {f"blends.{name}": each.members for name, each in config.blends.items()}
    for key, names in {**asked, **blended, "blend": config.blend.members}.items():
        config.keys_of(names, f"Config key '{key}'")
    for where, choice in {"blend": config.blend, **{f"blends.{n}": each for n, each in config.blends.items()}}.items():
        choice.row_bins(where)
    for name in config.blends:
        if not is_folder_name(name):
            raise UsageError(f"Blend name '{name}' is no folder name.", "Use letters, digits, '-', '_' and '.'.")


def _check_features(config: RunConfig) -> None:
    """Refuse names of extracted features that are none, are unknown, or lead in a circle. Raises UsageError."""
    for name in config.features:
        if not is_folder_name(name) or name == "oof":
            problem = f"Config key 'features': '{name}' is no name of a feature."
            raise UsageError(problem, "Use letters, digits, '-', '_' and '.'; 'oof' is taken.")
    asked = [(f"Config key 'features.{name}.of'", each.of) for name, each in config.features.items()]
    asked += [(f"Member '{member.name}'", member.features or ()) for member in config.members]
    for who, names in asked:
        for name in names:
            if name not in config.features:
                problem = f"{who} names feature '{name}', which is none that this run extracts."
                raise UsageError(problem, nearest(name, config.features, "extracted features"))
    left = {name: set(each.of) for name, each in config.features.items()}
    while left:
        ready = [name for name, others in left.items() if not others & left.keys()]
        if not ready:
            raise UsageError(f"Features {', '.join(sorted(left))} are made of each other in a circle.")
        for name in ready:
            del left[name]


def _refuse_no_text(value: Any, where: str = "") -> None:
    """Refuse a text that the system takes for no path, or that no file holds. Raises UsageError naming the key."""
    if isinstance(value, str) and (found := NO_TEXT.search(value)):
        what = "a NUL" if found[0] == "\0" else "half a character"
        raise UsageError(f"Config key '{where}': has {what} in it, which no name and no path has.")
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    for key, each in value.items() if isinstance(value, Mapping) else ():
        _refuse_no_text(each, f"{where}.{key}" if where else str(key))


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
    if split.scheme is not None and split.scheme in BY_ROW and split.by is not None:
        raise UsageError(
            f"Config key 'split.by' is '{split.by}', and {split.scheme} keeps no group on one side.",
            f"Take -o split.scheme={BY_ROW[split.scheme]}, or -o split.by=null.",
        )
    for key, schemes in (("stratify", ("stratified", "stratified-group")), ("chain", ("time",)), ("gap", ("time",))):
        if getattr(split, key) != Split.model_fields[key].default and split.scheme not in schemes:
            raise UsageError(f"Config key 'split.{key}' is for -o split.scheme={' or '.join(schemes)} alone.")


def _member(raw: Any, where: str, plugins: Plugins) -> dict[str, Any]:
    """Split a member's flat keys into its own and its model's training keys, and check both."""
    if not isinstance(raw, Mapping) or "model" not in raw:
        raise UsageError(f"Config key '{where}' needs a model.", f"For example {where}: {{model: ridge}}.")
    own = {key: raw[key] for key in raw if key in Member.model_fields and key != "training"}
    choice = validate_config(Choice, own["model"], f"{where}.model")
    thing = plugins.load("models", choice.name)
    own["model"] = resolve_choice(choice, "models", f"{where}.model", plugins)
    own.setdefault("name", choice.name.rpartition(":")[2])
    schema = schema_of(thing)
    extra = {key: raw[key] for key in raw if key not in own}
    for key in extra:
        if key not in schema.model_fields:
            known = [*schema.model_fields, *(field for field in Member.model_fields if field != "training")]
            raise UsageError(f"Config {where}: unknown key '{key}'.", nearest(key, known, "keys"))
    training = validate_config(schema, extra, where)
    own["training"] = training.with_components(where, plugins) if hasattr(training, "with_components") else training
    reads = getattr(thing, "features", None)
    if own.get("uses") and reads and not any(name.startswith("oof/") for name in reads):
        raise UsageError(
            f"Config {where}: '{choice.name}' reads only {', '.join(reads)}; it cannot use other members' predictions.",
            "Give `uses` to a model that reads every feature, such as ridge.",
        )
    return own


def _name_members(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
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
