"""What predicting needs of a run: its config, its blends, and of each part what its model saved."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ctk.config.resolve import checkpoints_config
from ctk.contract import Blend, Member, RunConfig
from ctk.errors import UsageError
from ctk.files import dump_yaml, write_text
from ctk.packing.needed_plugins import resolve_recorded
from ctk.plugins import Plugins
from ctk.plugins.guard import competition_of
from ctk.runs import FINISHED, Run
from ctk.workflow.blend_record import BlendRecord
from ctk.workflow.plan_run import parts_of

RECORDS = ("scores.json", "state.json")
"""Files of a run's folder that go along as they are."""


class PackedMembers:
    """The members and seeds of a finished run that have a weight in its blends, and those that these use.

    config      what the packed run's config says, resolved
    blends      by folder in the run's, without the members that have no weight
    plugins     those whose components the config names
    competition, submission  whose it is, and what the file is called that is submitted
    paths       files and folders that options name and predicting needs, by config key
    runs        itself, as a blend's are those that it blends
    keys        of members ("mlp/seed-1") that are packed though its own blends have no weight for them

    Raises UsageError for a run that is not finished, that has no members of its own, or that could predict no other
    test.
    """

    def __init__(self, run: Run, known: Plugins, keys: Collection[str] = ()) -> None:
        raw, state = run.config(), run.state()
        if state["state"] != FINISHED:
            help = f"Go on with it: ctk run {run.competition} --resume RUN."
            raise UsageError(f"{run.folder} is not finished, but {state['state']}.", help)
        if state.get("dry_run"):
            raise UsageError(f"{run.folder} is a dry run, whose members learned nothing.", "Pack a whole run.")
        if saved := raw.get("checkpoints"):
            raise UsageError(f"{run.folder} has no members of its own: it predicted with those of {saved}.")
        # Where it predicts nobody tracks it, nothing is filtered, and the machine is another.
        predicting: dict[str, Any] = {"trackers": [], "executor": {"name": "local"}, "device": "auto", "data_dir": None}
        raw = {
            **checkpoints_config(competition_of(run.competition), run.folder, None),
            **predicting,
            "checkpoints": None,
        }
        self.run = run
        places = [Path(), *(path.parent.relative_to(run.folder) for path in run.folder.glob("blends/*/blend.json"))]
        records = {place: BlendRecord.load(run.folder / place) for place in sorted(places)}
        weighed = {key for record in records.values() for key in weighed_keys(record.blend)} | set(keys)
        self.blends = {place: _only(record, weighed) for place, record in records.items()}
        raw["members"] = _needed(raw, weighed)
        raw["blend"] = {**raw["blend"], "members": []}  # some of those that it names may have no weight
        raw["blends"] = {name: {**each, "members": []} for name, each in raw.get("blends", {}).items()}
        self.config, self.plugins = resolve_recorded(raw, known)
        self.competition = competition_of(self.config.competition)
        self.submission = self.config.submission_name(self.competition.formats)
        self.paths = dict(_named_paths(self.config, known))
        self.runs = {"": self}
        for member in self.config.members:
            _refuse_other_runs(member)

    def files(self) -> Iterator[tuple[Path, str]]:
        """List each file that is copied, and its path in the packed run."""
        for name in RECORDS:
            yield self.run.folder / name, name
        for part in parts_of(self.config):
            folder, saved = self.run.part_folder(part), self.run.checkpoints_folder(part)
            inside = folder.relative_to(self.run.folder)
            yield folder / "fitted.json", f"{inside}/fitted.json"
            for path in sorted(saved.rglob("*")):
                below = path.relative_to(saved)
                if path.is_file() and not _is_of_fits(below, saved):
                    yield path, f"{inside}/checkpoints/{below.as_posix()}"
        for key, named in self.paths.items():
            for path in [named] if named.is_file() else sorted(each for each in named.rglob("*") if each.is_file()):
                yield path, f"paths/{key}/{path.relative_to(named.parent).as_posix()}"

    def write(self, folder: Path) -> None:
        """Copy the files into a folder, and write config and blends beside them."""
        for path, inside in self.files():
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / inside)
        for place, record in self.blends.items():
            record.save(folder / place)
        write_text(folder / "config.yaml", dump_yaml(self.config.plain()))


def weighed_keys(blend: Blend) -> set[str]:
    """Return the keys of members that a blend, or that of some bin of rows, has a weight for."""
    own = {key for key, weight in blend.weights.items() if weight or any(blend.by_group.get(key, ()))}
    return own.union(*map(weighed_keys, blend.parts))


def _only(record: BlendRecord, keys: set[str]) -> BlendRecord:
    """Return a blend without the members that no blend of the run has a weight for."""

    def trimmed(blend: Blend) -> Blend:
        return replace(
            blend,
            weights={key: weight for key, weight in blend.weights.items() if key in keys},
            by_group={key: weights for key, weights in blend.by_group.items() if key in keys},
            parts=[trimmed(part) for part in blend.parts],
        )

    return replace(record, blend=trimmed(record.blend))


def _needed(raw: Mapping[str, Any], weighed: set[str]) -> list[dict[str, Any]]:
    """Return the config's members that are weighed, with these seeds, and those that they use, with all seeds."""
    by_name = {member["name"]: member for member in raw["members"]}
    waiting = [key.rpartition("/seed-")[0] for key in weighed]
    used: set[str] = set()
    while waiting:
        others = {each for each in by_name[waiting.pop()].get("uses", ()) if isinstance(each, str)}
        waiting += others - used
        used |= others
    found = []
    for name, member in by_name.items():
        seeds = [seed for seed in member.get("seeds") or raw["seeds"] if f"{name}/seed-{seed}" in weighed]
        if name in used:
            found.append(member)
        elif seeds:
            found.append({**member, "seeds": seeds})
    return found


def _named_paths(config: RunConfig, known: Plugins) -> Iterator[tuple[str, Path]]:
    """List what options name by a path, by config key: of the data, of extractors, and of models.

    What a network begins with is left out: its weights are saved, and ``load_pretrained`` is for fits.
    """

    def below(key: str, value: Any) -> Iterator[tuple[str, Path]]:
        for name, each in (
            value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        ):
            yield from below(f"{key}.{name}", each)
        if isinstance(value, str) and os.sep in value and (path := Path(value).expanduser()).exists():
            yield key, path

    yield from below("data", config.data.options)
    for name, feature in config.features.items():
        yield from below(f"features.{name}", feature.options)
    for member in config.members:
        if not hasattr(known.load("models", member.model.name), "load_pretrained"):
            yield from below(f"members.{member.name}.model", member.model.options)


def _is_of_fits(below: Path, saved: Path) -> bool:
    """Whether a file among the checkpoints serves fits alone: a stage's own, or weights that are best by its loss."""
    return below.parts[0].startswith("stage-") or (
        below.as_posix() == "best-loss.pt" and (saved / "weights.pt").exists()
    )


def _refuse_other_runs(member: Member) -> None:
    for used in member.uses:
        if not isinstance(used, str):
            raise UsageError(
                f"Member '{member.name}' uses '{used.member}' of {used.run}, which would not have predicted the test.",
                "Only a run whose members use one another can be packed: fit that member in this run.",
            )
