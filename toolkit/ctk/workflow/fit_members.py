"""Fitting every part of a run that is not stored yet, with its executor's workers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any

from ctk.contract import PROGRESS, WorkerLost
from ctk.errors import CtkError, DamagedError, OutOfTime, PluginError
from ctk.files import fingerprint, path_stamps, read_json
from ctk.plugins import plugins
from ctk.plugins.calls import left_call
from ctk.plugins.guard import Guard, submit_task
from ctk.runs import Part
from ctk.runs.records import ProgressFile
from ctk.workflow.apply_filters import filter_for_members
from ctk.workflow.expected_memory import MemoryForecast
from ctk.workflow.features import plan_features, prepare_frozen
from ctk.workflow.fit import CUT, FitTask, fit_part, limit_samples
from ctk.workflow.fits_in_time import FitsInTime, TooLate
from ctk.workflow.lifecycle import call_hook, say_and_log
from ctk.workflow.observer import Observer
from ctk.workflow.plan_run import RunPlan, member_waves, parts_of
from ctk.workflow.pools import open_pool
from ctk.workflow.prepare import PreparedData
from ctk.workflow.set_aside import bring_back
from ctk.workflow.stacking import asked_parts


def fit_members(plan: RunPlan, prepared: PreparedData, observer: Observer, timed: FitsInTime | None = None) -> None:
    """Fit every part that is not in the store, members before those that use them or whose filters ask them.

    ``timed`` says which are fitted in time, and is told what becomes of them.
    """
    written = plan.run.config()
    tasks = {part: _task(plan, written, part, prepared) for part in parts_of(plan.config)}
    bring_back(plan.run, tasks)
    fitted = [part for part, task in tasks.items() if plan.run.is_fitted(part, task.fingerprint)]
    if timed is not None:
        cut = [part for part, task in tasks.items() if plan.run.is_fitted(part, task.fingerprint + CUT)]
        fitted = [part for part in tasks if part in (*fitted, *cut)]
        timed.begin(fitted)
    say, waves = say_and_log(plan.run, observer), member_waves(plan.config)
    for part in tasks:
        if part not in fitted and (plan.run.part_folder(part) / "fitted.json").exists():
            say(
                f"{part.key}, fold {part.fold}: what lies there is damaged or was fitted to something else; fitted anew"
            )
    filter_for_members(plan, prepared, waves[0], say)
    missing = _with_features(plan, {part: task for part, task in tasks.items() if part not in fitted}, say, observer)
    observer.begin(list(tasks), fitted)
    try:
        pool_for_missing = open_pool(plan.config.executor, plan.run.folder) if missing else nullcontext()
        with pool_for_missing as pool:
            forecast = pool and MemoryForecast(plan, missing, pool[0], say)
            for number, names in enumerate(waves):
                if timed is not None:
                    names = timed.that_can_be(names)
                if number:  # what these ask is fitted by now
                    filter_for_members(plan, prepared, names, say)
                wave = {part: task for part, task in missing.items() if part.member in names}
                if pool and forecast and wave:
                    _fit_wave(plan, wave, *pool, forecast, observer, timed)
    except TooLate:  # the pool has ended whatever went on
        assert timed is not None
        timed.end_all()
    finally:
        observer.end()


def _with_features(
    plan: RunPlan, tasks: Mapping[Part, FitTask], say: Callable[[str], None], observer: Observer
) -> dict[Part, FitTask]:
    """Make the extracted features that members of some parts are handed and that no fold decides; tell the tasks."""
    config = plan.config
    members = {each.name: each for each in config.members}
    handed = {part: config.features_of(members[part.member]) for part in tasks}
    names = config.features_of(*(members[part.member] for part in tasks))
    if not names:
        return dict(tasks)
    prepared = next(iter(tasks.values())).prepared
    train = limit_samples(prepared.data.train, plan.steps)
    features = plan_features(config, prepared, names, plugins(), train)
    if plan.refresh:
        shutil.rmtree(features.folder, ignore_errors=True)
    prepare_frozen(features, train, prepared.data.test, plugins(), say, observer.working)
    return {part: replace(task, features=features.of(handed[part])) for part, task in tasks.items()}


def _fit_wave(
    plan: RunPlan,
    wave: Mapping[Part, FitTask],
    pool: Executor,
    guard: Guard,
    forecast: MemoryForecast,
    observer: Observer,
    timed: FitsInTime | None,
) -> None:
    running: dict[Future[dict[str, float]], Part] = {}
    said: dict[Part, list[str]] = {}
    for part, task in wave.items() if timed is None else ():
        running[submit_task(guard, pool, fit_part, task)] = part
    while True:
        while timed is not None and (chosen := timed.next(wave, list(running.values()))):
            part, given = chosen
            running[submit_task(guard, pool, fit_part, replace(wave[part], time=given))] = part
        if not running:
            return
        done, _ = wait(running, timeout=0.25, return_when=FIRST_COMPLETED)
        forecast.tell_if_known()
        for part in running.values():
            with suppress(DamagedError):
                known = read_json(plan.run.part_folder(part) / PROGRESS, ProgressFile)
                told = known.pop("told", [])
                for line in told[len(said.setdefault(part, [])) :]:
                    observer.say(f"{part.key} fold {part.fold}: {line}")
                said[part] = told
                observer.progress(part, **known)
        for future in done:
            try:
                scores = future.result()
            except BrokenExecutor as error:
                raise _explain_lost_worker(plan, running[future], error) from error
            except OutOfTime as error:
                if timed is None:
                    raise
                timed.give_up(running.pop(future), error)
                continue
            except CtkError as error:
                part = running[future]
                raise type(error)(f"{part.key}, fold {part.fold}: {error.problem}", error.help) from error
            except Exception as error:  # parts raise nothing but the above
                raise guard.failure(error, f"running {running[future].key}") from error
            part = running.pop(future)
            plan.run.log(f"fitted {part.key} fold {part.fold}: {scores}")
            facts = {"member": part.member, "seed": part.seed, "fold": part.fold, "scores": scores}
            call_hook(say_and_log(plan.run, observer), "ctk_member_fitted", run=plan.run, **facts)
            if timed is not None:
                timed.store(part)


def _explain_lost_worker(plan: RunPlan, part: Part, error: BrokenExecutor) -> CtkError:
    """Explain that a worker is gone: whose code it was running, and how it ended, where that is known."""
    if isinstance(error, WorkerLost):
        folder = plan.run.part_folder(part)
        if call := left_call(folder):
            return PluginError(
                f"{part.key}, fold {part.fold}: its process {error} while {call}.",
                "If memory ran out, fit fewer at a time: -o executor.workers=1; else mend it or tell its author. See "
                f"{folder / 'stderr.txt'}.",
            )
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
    """Describe the fit of a part for a worker.

    Its fingerprint is of the config as the run's folder has it: options that came with a later version are not in it,
    so that what was fitted before an upgrade still counts. Files that a model's options name count by their content.
    """
    members = {member["name"]: member for member in written["members"]}
    needed = [part.member]
    for name in needed:
        asked = [*members[name].get("uses", ()), *(members[name].get("pseudo_labels") or {"of": ()})["of"]]
        needed += [other for other in asked if isinstance(other, str) and other not in needed]
    print_of_part = fingerprint(
        vars(part),
        [members[name] for name in needed],
        *(written.get(key) for key in ("split", "filters", "checkpoints")),
        *([own] if (own := _written_features(plan, written, needed)) else []),
        *([written["metric"]] if written.get("metric") else []),  # none at all, as before a config could name one
        *([choice] if (choice := written.get("postprocess", True)) is not True else []),
        prepared.fingerprint,
        plan.steps,
        *_of_other_runs(plan, needed),
        *path_stamps([each.model.options for each in plan.config.members if each.name in needed]),
    )
    return FitTask(
        plan.run.folder.absolute(), plan.config, part, prepared, print_of_part, plan.competition.metric, plan.steps
    )


def _written_features(plan: RunPlan, written: Mapping[str, Any], members: Collection[str]) -> dict[str, Any]:
    """Return what the run's config says of the extracted features that members are handed; none, as of old."""
    names = plan.config.features_of(*(each for each in plan.config.members if each.name in members))
    return {name: written["features"][name] for name in names}


def _of_other_runs(plan: RunPlan, names: Collection[str]) -> list[str]:
    """Return the fingerprints of the parts of other runs that some members ask."""
    return [
        str(whose.facts(each)["fingerprint"])
        for member in plan.config.members
        if member.name in names and member.asks_here != member.asks
        for whose, parts in asked_parts(plan.run, member.asks)
        if whose.folder != plan.run.folder
        for each in parts
    ]
