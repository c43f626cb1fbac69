"""What a run is going to do, checked before anything is read, and its folder made or found again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctk.config.overrides import override
from ctk.config.resolve import resolve
from ctk.contract import BlendChoice, Competition, Execution, FilterChoice, Metric, RunConfig, RunOf
from ctk.contract.fit_limit import seconds_of
from ctk.errors import DamagedError, UsageError, nearest
from ctk.machine import cores
from ctk.plugins import plugins
from ctk.plugins.guard import competition_of, metric_of
from ctk.runs import FINISHED, RUNNING, Part, Run
from ctk.training import torchrun
from ctk.training.tracking import check_trackers
from ctk.workflow import fit_clock
from ctk.workflow.blend_record import BlendRecord
from ctk.workflow.environment import describe_environment
from ctk.workflow.pools import choose_workers
from ctk.workflow.prepare import PreparedData
from ctk.workflow.pseudo_labels import check_agreement
from ctk.workflow.stacking import asked_runs

AFTER_FITS = ("blend", "blends", "submission", "time_limit")
"""Keys of the config that no fit depends on, but for those that a limit cuts short, which say so."""
DRY_STEPS = 2
"""Optimiser steps of each member in a dry run."""


@dataclass
class RunPlan:
    """A run that is ready to be executed.

    steps     of each member, in a dry run
    prepared  its data, where that was prepared before
    refresh   whether its data is prepared anew, though it was prepared before
    changes   keys of the config that a resumed run has otherwise than it began, and the overrides that say so
    verb      of the command that goes on with it; none for a part of something larger, which is what is gone on with
    began     when the run began, in seconds since 1970: what its time limit counts from
    """

    run: Run
    config: RunConfig
    competition: Competition
    metric: Metric
    steps: int | None = None
    prepared: PreparedData | None = None
    refresh: bool = False
    changes: tuple[Mapping[str, Any], Sequence[str]] = ({}, ())
    verb: str = "run"
    began: float = field(default_factory=lambda: fit_clock.now())

    @property
    def is_limited(self) -> bool:
        """Whether its fits have a time limit; those of a dry run have two steps, and saved members are not fitted."""
        return self.config.time_limit is not None and self.steps is None and self.config.checkpoints is None


def start_run(
    config: RunConfig,
    root: Path,
    name: str,
    overrides: Sequence[str] = (),
    dry_run: bool = False,
    folder: Path | None = None,
) -> RunPlan:
    """Make the folder of a run: one named after the time and ``name`` below ``root``, or ``folder``.

    A dry run takes the first seed of each member, in this process.
    """
    if config.time_limit is not None and not seconds_of(config.time_limit):
        raise UsageError(
            "Config key 'time_limit': in no time nothing is fitted.",
            "0s is for a run that is gone on with, of which the members that are done are blended.",
        )
    competition = competition_for(config)
    check_agreement(config, metric_of(competition.metric), root)
    if dry_run:
        config = _with_first_seeds(config).model_copy(
            update={"executor": Execution(name="serial", threads=config.executor.threads)}
        )
    _check_submission(config, competition)
    if config.checkpoints is not None:
        _check_checkpoints(config)
    config = _find_submission_runs(config, competition, root)
    config = config.model_copy(
        update={
            "executor": _choose_execution(config),
            "filters": _find_runs(config.filters, root),
            "members": asked_runs(config.members, root),
        }
    )
    metric = metric_of(competition.metric)
    member_waves(config)  # refuses members that use each other in a circle
    if not dry_run:
        check_trackers(config.trackers)
    environment = describe_environment(plugins())  # before there is a folder, for a run killed meanwhile is none
    run = Run(folder) if folder else Run.create(root, competition.id, name)
    run.write_config(config.plain(), list(overrides), environment)
    run.set_state(RUNNING, dry_run=dry_run)
    return RunPlan(run, config, competition, metric, DRY_STEPS if dry_run else None)


def reopen_run(
    run: Run,
    competition_name: str | None = None,
    execution: Sequence[str] = (),
    overrides: Sequence[str] = (),
    data_dir: Path | None = None,
) -> RunPlan:
    """Plan to go on with a run that was interrupted, failed or killed. Raises UsageError if it is still running.

    Its competition has another name where another plugin with the same id has come or gone since. ``execution`` are
    overrides of its executor; the threads stay, so that it gives what it would have given. ``overrides`` change what
    comes after the fits, blend and submission, and the time limit; UsageError for any other. ``data_dir`` is where the
    same data lies now, of a run that began on another machine.
    """
    state = run.state_or_killed()
    if state["state"] == RUNNING:
        raise UsageError(f"{run.folder} is still running, as process {state['pid']}.")
    raw = run.config()
    if "members" not in raw:
        raise UsageError(f"{run.folder} is a blend of other runs.", "Make it again with `ctk blend`.")
    raw = run.config("data", "blend", "executor")
    raw["competition"] = competition_name or raw["competition"]
    if data_dir is not None:
        raw["data_dir"] = str(data_dir.expanduser().resolve())
    threads = raw["executor"].get("threads", 0)
    for assignment in execution:
        override(raw, assignment)
    _check_after_fits(raw, overrides)
    for assignment in overrides:
        override(raw, assignment)
    config = resolve(raw, plugins())
    config = config.model_copy(update={"executor": config.executor.model_copy(update={"threads": threads})})
    config = config.model_copy(update={"executor": _choose_execution(config)})
    competition = competition_for(config)
    metric = metric_of(competition.metric)
    if not state.get("dry_run"):
        check_trackers(config.trackers)
    _check_submission(config, competition)
    config = _find_submission_runs(config, competition, run.folder.parent.parent)
    plain = config.plain()
    changed = {key: plain[key] for key in AFTER_FITS} if overrides else {}
    if data_dir is not None:
        changed["data_dir"], overrides = plain["data_dir"], [f"data={data_dir.name}", *overrides]
    steps = DRY_STEPS if state.get("dry_run") else None
    return RunPlan(run, config, competition, metric, steps, changes=(changed, overrides))


def _check_after_fits(raw: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """Raise UsageError for an override of a run gone on with that would change what was fitted, or says nothing."""
    for assignment in overrides:
        key = assignment.partition("=")[0].partition(".")[0]
        if key not in AFTER_FITS:
            may = f"{', '.join(AFTER_FITS[:-1])} and {AFTER_FITS[-1]}"
            raise UsageError(
                f"-o {assignment}: a run goes on as it was fitted; {may} alone may change.",
                "Start a new run for another config.",
            )
        if key in ("blend", "blends") and raw.get("checkpoints"):
            raise UsageError(f"-o {assignment}: this run predicts with the blend of {raw['checkpoints']}.")


def competition_for(config: RunConfig) -> Competition:
    """Return a config's competition, with the metric that the config has decide, where it names one."""
    competition = competition_of(config.competition)
    competition.metric = config.metric or competition.metric
    return competition


def _with_first_seeds(config: RunConfig) -> RunConfig:
    """Return a copy with one seed a member; what was named by another seed is named by its member."""

    def without_seed(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.rpartition("/seed-")[0] or name for name in names))

    def of_all(blend: BlendChoice) -> BlendChoice:
        return blend.model_copy(update={"members": without_seed(blend.members)})

    def of_member(choice: FilterChoice) -> FilterChoice:
        own = choice.member and not choice.run
        return choice.model_copy(update={"member": without_seed([str(choice.member)])[0]}) if own else choice

    return config.model_copy(
        update={
            "members": tuple(m.model_copy(update={"seeds": config.seeds_of(m)[:1]}) for m in config.members),
            "filters": tuple(map(of_member, config.filters)),
            "blend": of_all(config.blend),
            "blends": {name: of_all(each) for name, each in config.blends.items()},
        }
    )


def parts_of(config: RunConfig) -> list[Part]:
    """List every part of a run, in the config's order."""
    return [
        Part(member.name, seed, fold)
        for member in config.members
        for seed in config.seeds_of(member)
        for fold in range(config.split.use)
    ]


def asked_by_member(config: RunConfig) -> dict[str, set[str]]:
    """Name the members of the run that each member asks, or that a filter of its asks."""
    asked = [config.keys_of([each.member])[0] if each.member and not each.run else "" for each in config.filters]
    return {
        member.name: {
            *member.asks_here,
            *(asked[n].rpartition("/seed-")[0] for n in config.filters_of(member) if asked[n]),
        }
        for member in config.members
    }


def member_waves(config: RunConfig) -> list[list[str]]:
    """Order members by those that they ask, or a filter of theirs asks: each wave of names needs only earlier ones.

    Raises UsageError for a circle.
    """
    uses = asked_by_member(config)
    waves: list[list[str]] = []
    done: set[str] = set()
    while len(done) < len(uses):
        ready = [name for name, others in uses.items() if name not in done and others <= done]
        if not ready:
            raise UsageError(
                f"Members {', '.join(sorted(set(uses) - done))} use each other in a circle.",
                "A member that a filter asks learns from what there is before it: filters: []."
                if any(each.member and not each.run for each in config.filters)
                else "",
            )
        done.update(ready)
        waves.append(ready)
    return waves


def _check_submission(config: RunConfig, competition: Competition) -> None:
    """Raise UsageError where a competition's submissions have another suffix."""
    if isinstance(config.submission, str) and config.submission not in competition.formats:
        raise UsageError(
            f"Config key 'submission': {competition.id} has no '{config.submission}' submissions.",
            nearest(config.submission, competition.formats, "formats"),
        )


def _find_submission_runs(config: RunConfig, competition: Competition, root: Path) -> RunConfig:
    """Return a config whose options of the submission name whole folders of finished runs. Raises UsageError."""
    schema = competition.submission_options()
    if schema is None or not isinstance(config.submission, dict):
        return config
    found = dict(config.submission)
    for name, option in schema.model_fields.items():
        for mark in (each for each in option.metadata if isinstance(each, RunOf) and found.get(name)):
            run = Run.find(found[name], root)
            state, of = run.state(), run.competition.rpartition(":")[2]
            if state["state"] != FINISHED or state.get("dry_run") or of != mark.competition:
                what = "a dry run" if state.get("dry_run") else f"a run of {of} that is {state['state']}"
                problem = f"Config key 'submission.{name}': {run.folder} is {what}."
                raise UsageError(problem, f"Name a finished run of {mark.competition}.")
            found[name] = str(run.folder.resolve())
    return config.model_copy(update={"submission": found})


def _choose_execution(config: RunConfig) -> Execution:
    """Choose where parts are fitted; under torchrun one after another, each by all of its processes."""
    team = torchrun.team_of_command()
    if team is None:
        return choose_workers(config.executor, len(parts_of(config)))
    if config.executor.name not in ("local", "serial"):
        raise UsageError(
            f"Under torchrun members are fitted one after another; the executor '{config.executor.name}' cannot help.",
            "Leave the executor out, or start the run without torchrun.",
        )
    team.check_device(config.device)
    threads = config.executor.threads or max(1, cores() // team.position.local_size)
    return Execution(name="serial", workers=1, threads=threads)


def _find_runs(filters: Iterable[FilterChoice], root: Path) -> tuple[FilterChoice, ...]:
    """Return filters with the full folders of the runs that they ask, so that a run goes on from anywhere."""
    return tuple(
        each.model_copy(update={"run": str(Run.find(each.run, root).folder.resolve())}) if each.run else each
        for each in filters
    )


def _check_checkpoints(config: RunConfig) -> None:
    """Raise UsageError where a run is to predict with members that were never fitted, before anything is read."""
    saved = Run(Path(str(config.checkpoints)))
    if of := saved.config().get("checkpoints"):
        raise UsageError(f"{saved.folder} has no members of its own: it predicted with those of {of}.", f"Give {of}.")
    weights = BlendRecord.load(saved.folder).blend.weights
    if strange := weights.keys() - {part.key for part in saved.parts()}:
        raise DamagedError(
            f"{saved.folder / 'blend.json'}, weights: the run has no '{min(strange)}'.", "Was it edited?"
        )
    for part in parts_of(config):
        if part not in saved.parts():
            raise UsageError(
                f"{saved.folder} has no fitted {part.key}, fold {part.fold}.",
                "Members, seeds and folds are those of the saved run.",
            )
        saved.facts(part)  # raises DamagedError
