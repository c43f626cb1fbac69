"""The verbs, in order: load, filter, split, fit members, predict, blend, submit. Each can be gone on with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ctk.config.overrides import override
from ctk.config.resolve import resolve
from ctk.contract import PROGRESS, Competition, Execution, Metric, Results, RunConfig, WorkerLost
from ctk.errors import CtkError, PluginError, UsageError, nearest
from ctk.files import atomic, fingerprint, read_json, remove_unfinished, write_json
from ctk.machine import cores
from ctk.plugins import plugins
from ctk.plugins.guard import Guard, metric_of, submitted
from ctk.plugins.guard.competition import competition_of
from ctk.runs import FINISHED, RUNNING, Part, Run
from ctk.samples import Samples
from ctk.training import torchrun
from ctk.training.loggers import check_trackers
from ctk.workflow.apply_filters import apply_filters
from ctk.workflow.environment import describe_environment
from ctk.workflow.finish import BLEND, BlendRecord, finish
from ctk.workflow.fit import FitTask, fit_part, limit_samples
from ctk.workflow.fold_scores import FoldScorer
from ctk.workflow.observer import Observer, SilentObserver
from ctk.workflow.pools import choose_workers, open_pool
from ctk.workflow.predictions import gather_predictions
from ctk.workflow.prepare import PreparedData, prepare
from ctk.workflow.run_ending import record_ending
from ctk.workflow.split.division import Division, divide

DRY_STEPS = 2


@dataclass
class RunPlan:
    """A run that stands ready.

    steps     of each member, in a dry run
    prepared  its data, where that was prepared before
    verb      of the command that goes on with it; none for a part of something larger, which is what is gone on with
    """

    run: Run
    config: RunConfig
    competition: Competition
    metric: Metric
    steps: int | None = None
    prepared: PreparedData | None = None
    verb: str = "run"


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
    if dry_run:
        only_first = tuple(m.model_copy(update={"seeds": config.seeds_of(m)[:1]}) for m in config.members)
        config = config.model_copy(
            update={"members": only_first, "executor": Execution(name="serial", threads=config.executor.threads)}
        )
    competition = competition_of(config.competition)
    if config.submission not in (None, *competition.formats):
        raise UsageError(
            f"Config key 'submission': {competition.id} has no '{config.submission}' submissions.",
            nearest(str(config.submission), competition.formats, "formats"),
        )
    if config.checkpoints is not None:
        _check_saved(config)
    config = config.model_copy(update={"executor": _placed(config)})
    metric = metric_of(competition.metric)
    list(_waves(config, {}))  # refuses members that use each other in a circle
    if not dry_run:
        check_trackers(config.trackers)
    run = Run(folder) if folder else Run.create(root, competition.id, "dry-run" if dry_run else name)
    try:
        run.write_config(config.plain(), list(overrides), describe_environment(plugins()))
        run.set_state(RUNNING, dry_run=dry_run)
    except BaseException:
        shutil.rmtree(run.folder, ignore_errors=True)  # a folder without a config could be neither shown nor resumed
        raise
    return RunPlan(run, config, competition, metric, DRY_STEPS if dry_run else None)


def _placed(config: RunConfig) -> Execution:
    """Where parts are fitted; under torchrun one after another, each by all of its processes."""
    team = torchrun.team_of_command()
    if team is None:
        return choose_workers(config.executor, len(parts_of(config)))
    if config.executor.name not in ("local", "serial"):
        raise UsageError(
            f"Under torchrun members are fitted one after another; the executor '{config.executor.name}' cannot help.",
            "Leave the executor out, or start the run without torchrun.",
        )
    team.check_device(config.device)
    threads = config.executor.threads or max(1, cores() // team.place.local_size)
    return Execution(name="serial", workers=1, threads=threads)


def _check_saved(config: RunConfig) -> None:
    """Refuse to predict with members that were never fitted, before anything is read."""
    saved = Run(Path(str(config.checkpoints)))
    if of := saved.config().get("checkpoints"):
        raise UsageError(f"{saved.folder} has no members of its own: it predicted with those of {of}.", f"Give {of}.")
    BlendRecord.load(saved.folder)
    for part in parts_of(config):
        if part not in saved.parts():
            raise UsageError(
                f"{saved.folder} has no fitted {part.key}, fold {part.fold}.",
                "Members, seeds and folds are those of the saved run.",
            )


def reopen_run(run: Run, competition_name: str | None = None, execution: Sequence[str] = ()) -> RunPlan:
    """A run that was interrupted, failed or killed, ready to go on. Raises UsageError if it is still running.

    Its competition has another name where another plugin with the same id has come or gone since. ``execution`` are
    overrides of its executor; the threads stay, so that it gives what it would have given.
    """
    state = run.state()
    if state["state"] == RUNNING:
        raise UsageError(f"{run.folder} is still running, as process {state['pid']}.")
    raw = run.config()
    if "members" not in raw:
        raise UsageError(f"{run.folder} is a blend of other runs.", "Make it again with `ctk blend`.")
    raw["competition"] = competition_name or raw["competition"]
    threads = raw["executor"]["threads"]
    for assignment in execution:
        override(raw, assignment)
    config = resolve(raw, plugins())
    config = config.model_copy(update={"executor": config.executor.model_copy(update={"threads": threads})})
    config = config.model_copy(update={"executor": _placed(config)})
    competition = competition_of(config.competition)
    metric = metric_of(competition.metric)
    if not state.get("dry_run"):
        check_trackers(config.trackers)
    return RunPlan(run, config, competition, metric, DRY_STEPS if state.get("dry_run") else None)


def execute_run(plan: RunPlan, observer: Observer | None = None) -> Results:
    """Do whatever of a run is not done yet, and return its results.

    Ctrl-C and SIGTERM leave a run that can be resumed. Raises CtkError in one sentence for all that a user can mend.
    """
    watcher = observer or SilentObserver()
    run = plan.run
    say = _both(run, watcher)
    again = f"Go on with: {torchrun.command_line()} {plan.verb} {run.competition} --resume {run.folder}"
    with run.locked(), record_ending(run, again if plan.verb else ""):
        remove_unfinished(run.folder)
        run.set_state(RUNNING)
        _call(say, "ctk_run_started", run=run, config=plan.config)
        prepared = plan.prepared or prepare(
            plan.config, plan.competition, plugins(), say, watcher.working, run.config()
        )
        data = prepared.data
        _same_data(run, prepared)
        write_json(run.folder / "data.json", {"fingerprint": prepared.fingerprint, "folder": prepared.root})
        say(data.about)
        train = limit_samples(data.train, plan.steps)
        # Before anything is fitted: nothing that leaks is worth the time.
        division = divide(train, plan.config.split) if plan.config.checkpoints is None else None
        _filter(plan, prepared, say)
        _fit_all(plan, prepared, watcher)
        gathered = gather_predictions({"": run}, train, data.test)
        divided = None if division is None else _divided(plan, train, division)
        config = plan.config
        saved = None if config.checkpoints is None else BlendRecord.load(Path(config.checkpoints))
        results = finish(
            run,
            plan.competition,
            plan.metric,
            config.blend,
            gathered,
            data,
            watcher.say,
            saved,
            config.submission,
            divided,
        )
        run.set_state(FINISHED)
        _call(say, "ctk_run_finished", run=run, scores=dict(results.scores.get(BLEND, {})))
    return results


def _both(run: Run, observer: Observer) -> Callable[[str], None]:
    """Say a line and log it."""

    def say(line: str) -> None:
        run.log(line)
        observer.say(line)

    return say


def _divided(plan: RunPlan, train: Samples, division: Division) -> FoldScorer:
    """The run's folds with what the filters kept of them. Raises CtkError if what is stored was fitted on others."""
    path = plan.run.folder / "kept.npy"
    kept = np.load(path, allow_pickle=False) if path.exists() else np.ones(len(train), dtype=bool)
    divided = FoldScorer(train, plan.config.split, division, kept)
    divided.check_stored(plan.run)
    return divided


def parts_of(config: RunConfig) -> list[Part]:
    """Every part of a run, in the config's order."""
    return [
        Part(member.name, seed, fold)
        for member in config.members
        for seed in config.seeds_of(member)
        for fold in range(config.split.use)
    ]


def _same_data(run: Run, prepared: PreparedData) -> None:
    """A run that is gone on with must find the files it began with: filters and fits were made from them."""
    path = run.folder / "data.json"
    if path.exists() and read_json(path)["fingerprint"] != prepared.fingerprint:
        raise CtkError(f"The data has changed since {run.folder} began.", "Start a new run.")


def _filter(plan: RunPlan, prepared: PreparedData, say: Callable[[str], None]) -> None:
    if not plan.config.filters:
        return
    place, written = plan.run.folder / "filters", plan.run.config()
    kept = apply_filters(plan.config, prepared, place, plan.metric, say, plan.steps, written)
    # In a dry run filters are tried, not obeyed: a baseline of two steps would drop nearly everything.
    if plan.steps is None:
        with atomic(plan.run.folder / "kept.npy") as temporary, temporary.open("wb") as file:
            np.save(file, kept)


def _fit_all(plan: RunPlan, prepared: PreparedData, observer: Observer) -> None:
    """Fit every part that is not in the store, members before those that use them."""
    written = plan.run.config()
    tasks = {part: _task(plan, written, part, prepared) for part in parts_of(plan.config)}
    fitted = [part for part, task in tasks.items() if plan.run.is_fitted(part, task.fingerprint)]
    observer.begin(list(tasks), fitted)
    try:
        waiting = {part: task for part, task in tasks.items() if part not in fitted}
        if waiting:
            with open_pool(plan.config.executor, plan.run.folder) as (pool, guard):
                for wave in _waves(plan.config, waiting):
                    _fit_wave(plan, wave, pool, guard, observer)
    finally:
        observer.end()


def _fit_wave(plan: RunPlan, wave: Mapping[Part, FitTask], pool: Executor, guard: Guard, observer: Observer) -> None:
    running: dict[Future[dict[str, float]], Part] = {}
    for part, task in wave.items():
        running[submitted(guard, pool, fit_part, task)] = part
    while running:
        done, _ = wait(running, timeout=0.25, return_when=FIRST_COMPLETED)
        for part in running.values():
            try:
                observer.progress(part, **read_json(plan.run.part_folder(part) / PROGRESS))
            except (OSError, ValueError):
                continue
        for future in done:
            try:
                scores = future.result()
            except BrokenExecutor as error:
                raise _lost(plan, running[future], error) from error
            except CtkError as error:
                part = running[future]
                raise type(error)(f"{part.key}, fold {part.fold}: {error.problem}", error.help) from error
            except Exception as error:  # parts raise nothing but the above
                raise guard.failure(error, f"running {running[future].key}") from error
            part = running.pop(future)
            plan.run.log(f"fitted {part.key} fold {part.fold}: {scores}")
            facts = {"member": part.member, "seed": part.seed, "fold": part.fold, "scores": scores}
            _call(_both(plan.run, observer), "ctk_member_fitted", run=plan.run, **facts)


def _lost(plan: RunPlan, part: Part, error: BrokenExecutor) -> CtkError:
    """What to say of a worker that is gone: whose code it was running, and how it ended, where that is known."""
    if isinstance(error, WorkerLost):
        folder = plan.run.part_folder(part)
        model = next(each.model.name for each in plan.config.members if each.name == part.member)
        return PluginError(
            f"{part.key}, fold {part.fold}: the process fitting the {Guard('models', model).title} {error}.",
            f"Try fewer at a time: -o executor.workers=1; see {folder / 'stderr.txt'}.",
        )
    return CtkError(
        f"The process fitting {part.key}, or one beside it, ended without a word; memory may have run out.",
        f"Try fewer at a time: -o executor.workers=1; see stderr.txt below {plan.run.folder / 'members'}.",
    )


def _task(plan: RunPlan, written: Mapping[str, Any], part: Part, prepared: PreparedData) -> FitTask:
    """The fit of a part. Its fingerprint is of the config as the run's folder has it: options that came with a later
    version are not in it, so that what was fitted before an upgrade still counts."""
    members = {member["name"]: member for member in written["members"]}
    needed = [part.member]
    for name in needed:
        needed += [other for other in members[name]["uses"] if other not in needed]
    print_of_part = fingerprint(
        vars(part),
        [members[name] for name in needed],
        *(written.get(key) for key in ("split", "filters", "checkpoints")),
        prepared.fingerprint,
        plan.steps,
    )
    return FitTask(
        plan.run.folder.absolute(), plan.config, part, prepared, print_of_part, plan.competition.metric, plan.steps
    )


def _waves(config: RunConfig, waiting: Mapping[Part, FitTask]) -> Iterator[dict[Part, FitTask]]:
    """Parts in the order of what their members use: each wave needs only earlier ones. UsageError for a circle."""
    uses = {member.name: set(member.uses) for member in config.members}
    done: set[str] = set()
    while len(done) < len(uses):
        ready = [name for name, others in uses.items() if name not in done and others <= done]
        if not ready:
            raise UsageError(f"Members {', '.join(sorted(set(uses) - done))} use each other in a circle.")
        done.update(ready)
        yield {part: task for part, task in waiting.items() if part.member in ready}


def _call(say: Callable[[str], None], hook: str, **arguments: Any) -> None:
    """Call a lifecycle hook. A plugin that fails in it is told of; the run goes on."""
    for problem in plugins().call(hook, **arguments):
        say(f"{problem}; the run goes on")
