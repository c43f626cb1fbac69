"""Blending runs of different times and submissions of other people into a new run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ctk.config.overrides import override
from ctk.config.resolve import base_config, resolve
from ctk.contract import BlendChoice, Choice, Competition, Results, RunConfig, find_members
from ctk.contract.schema import validate_config
from ctk.errors import CtkError, UsageError
from ctk.plugins import plugins
from ctk.plugins.component_options import resolve_choice
from ctk.plugins.guard import competition_of, metric_of
from ctk.runs import FINISHED, RAW, Run
from ctk.samples import Array, Data
from ctk.workflow.blend_members import (
    PredictedRun,
    blend_members,
    blended_keys,
    check_blender,
    postprocess_blend,
)
from ctk.workflow.blend_record import BlendRecord
from ctk.workflow.bundles import fitted_members, write_bundle
from ctk.workflow.collect_results import collect_results, report_results
from ctk.workflow.environment import describe_environment
from ctk.workflow.observer import Observer
from ctk.workflow.postprocessing import Postprocessing
from ctk.workflow.predictions import MemberPredictions, gather_predictions
from ctk.workflow.prepare import PreparedData, prepare, prepare_test
from ctk.workflow.run_ending import record_ending
from ctk.workflow.write_submission import write_submission

MEAN = {"name": "mean"}
"""The blender where nothing else is said."""


@dataclass(frozen=True)
class BlendPlan:
    """What is blended and how.

    sources  runs, and submission files by their paths, in the order that members come in
    given    the sources as they were asked for; NAME=FILE calls a file's predictions so
    config   tells which data; of the first run, or the competition's own for files alone
    choice   the blender
    changed  what the blender differs in from its defaults, "key=value" each; for people
    runs     the sources that are runs, by what their members' keys begin with
    members  names of those that are taken, of the runs'; none are all that these blended
    whole    whether each run is one member, predicting with its own blend
    weights  a finished run, or a blend, whose saved weights are taken instead of finding some
    mended   whether the competition postprocesses what comes of it
    """

    sources: tuple[Run | Path, ...]
    given: tuple[str, ...]
    competition: Competition
    config: RunConfig
    choice: BlendChoice
    changed: tuple[str, ...]
    runs: Mapping[str, Run]
    members: tuple[str, ...] = ()
    whole: bool = False
    weights: Run | None = None
    mended: bool = True

    @property
    def postprocessing(self) -> Postprocessing:
        """How the competition mends what comes of it."""
        return Postprocessing(self.competition, self.mended and self.config.postprocess)


def plan_blend(
    sources: Sequence[str],
    root: Path,
    blender: str | None = None,
    options: Sequence[str] = (),
    competition: str | None = None,
    data_dir: Path | None = None,
    *,
    members: Sequence[str] = (),
    weights_of: str | None = None,
    postprocess: bool = True,
) -> BlendPlan:
    """Find the sources and choose the blender.

    Competition and data are the runs' own; for files alone they are given. Raises UsageError for a run that is not
    finished, and for runs of different competitions. The rest is as for ``ctk.api.blend_runs``.
    """
    found = tuple(_file_of(each) or _finished_run(each, root) for each in sources)
    runs = [source for source in found if isinstance(source, Run)]
    if len({run.folder.resolve() for run in runs}) < len(runs):
        raise UsageError("A run is given twice.", "Give each source once.")
    if members and not runs:
        raise UsageError(
            "--members chooses members of runs, and these are files.", "Leave out the files you do not want."
        )
    if weights_of is not None and (blender or any(not each.startswith("data") for each in options)):
        raise UsageError("--weights-of takes weights that were found before.", "Leave out --blender and its options.")
    if runs and data_dir is not None:
        raise UsageError("--data is for files alone; runs know their own data.")
    ids = {run.competition for run in runs} | ({competition} if competition else set())
    if len(ids) != 1:
        raise UsageError(
            f"These sources are of {len(ids)} competitions: {', '.join(sorted(ids)) or 'none said'}.",
            "Give runs of one competition, or say it with --competition.",
        )
    known = competition_of(ids.pop())
    if known.bundled and len(runs) < len(found):
        file = next(source for source in found if isinstance(source, Path))
        problem = f"{file}: is a bundle of models, whose predictions nobody knows."
        raise UsageError(problem, "Blend the runs that it is of.")
    by_hand = any(each.startswith(("weights.", "weights=[", "weights={")) for each in options)
    own = MEAN if by_hand or len(runs) < len(found) else runs[0].config().get("blend", MEAN)
    if members or len(found) > 1:  # weights by hand were those of the one run's own members
        own = {key: value for key, value in own.items() if key != "weights" or isinstance(value, str)}
    raw: dict[str, Any] = dict(own) if blender in (None, own["name"]) else {"name": blender}
    named = raw.pop("members", ())
    of_one = named if len(found) == 1 else ()  # of several sources all are blended
    config = runs[0].config() if runs else base_config(known, data_dir)
    for assignment in options:
        of_data = assignment.startswith(("data.", "data="))
        if of_data and runs:
            raise UsageError(f"-o {assignment}: runs know their own data.", "Options of data are for files alone.")
        override(config if of_data else raw, assignment)
    beside = plugins().beside("competitions", known.named)
    choice = resolve_choice(validate_config(BlendChoice, raw, "blend"), "blenders", "blend", beside)
    choice.row_bins()  # refuses odd ones before anything is read
    resolved = resolve(config, plugins())
    known.metric = resolved.metric or known.metric
    return BlendPlan(
        sources=found,
        given=tuple(sources),
        competition=known,
        config=resolved,
        choice=choice,
        changed=tuple(options),
        runs=_by_prefix(runs),
        members=tuple(members or of_one),
        whole=not members and weights_of is None and len(found) > 1 and _is_by_source(choice, found),
        weights=None if weights_of is None else Run.find(weights_of, root),
        mended=postprocess,
    )


def _is_by_source(choice: Choice, sources: Sequence[Run | Path]) -> bool:
    """Whether a run is one member: for a blender that finds nothing, unless weights name members of runs."""
    if plugins().load("blenders", choice.name).needs_oof:
        return False
    weights = choice.options.get("weights")
    names = [source.folder.name if isinstance(source, Run) else f"file/{source.stem}" for source in sources]
    return not isinstance(weights, Mapping) or all(name in names or f"file/{name}" in names for name in weights)


def gather_sources(plan: BlendPlan, observer: Observer) -> tuple[Data, MemberPredictions]:
    """Read the data, and the predictions of runs' members, or blends, and of files, which have none out of fold.

    Members come in the order of the sources, so that weights can be given by hand. What files hold stays where their
    reader put it: one that maps it from disk lets more of them be blended than memory holds. Raises UsageError if runs
    are of different data, SubmissionError for a file that is none.
    """
    if plan.runs:
        prepared = prepare(plan.config, plan.competition, plugins(), observer.say, observer.working)
        _check_same_data(list(plan.runs.values()), prepared)
        data, width = prepared.data, prepared.data.train.target_width
        members = gather_predictions(plan.runs, data.train, data.test)
        data = replace(data, about=f"{data.about}; validated on the {len(members.valid):,} that all runs share")
        if plan.members:
            choose_members(members, plan.members)
        if plan.whole:
            for prefix, run in plan.runs.items():
                _join_members(plan, prefix, run, members, data)
    else:
        data, width = prepare_test(plan.config, plan.competition, plugins(), observer.working)
        members = MemberPredictions(data.train.take(np.arange(0)), {}, {})
    members.test = dict(_in_order_of_sources(plan, members.test, data, width))
    return data, members


def gather_raw(plan: BlendPlan, data: Data) -> MemberPredictions | None:
    """Gather what nothing has mended of the same members, to be scored beside them; None where not all of it is kept.

    Runs keep it that mended by options of the competition's; a file has no more than was submitted.
    """
    of_runs = [run.config().get("postprocess") for run in plan.runs.values()]
    if len(of_runs) < len(plan.sources) or not all(isinstance(each, Mapping) for each in of_runs):
        return None
    raw = gather_predictions(plan.runs, data.train, data.test, RAW)
    if plan.members:
        choose_members(raw, plan.members)
    if plan.whole:
        for prefix, run in plan.runs.items():
            _join_members(replace(plan, mended=False), prefix, run, raw, data)
    if plan.weights is not None:
        take_saved_blend(plan, raw, lambda line: None)
    return raw


def choose_members(members: MemberPredictions, names: Sequence[str]) -> None:
    """Leave of the blended members those that are named, in the order of the names; what was a baseline is one no more.

    Raises UsageError for a name that none has.
    """
    chosen = list(dict.fromkeys(key for name in names for key in find_members(name, members.test, "--members")))
    members.baselines -= set(chosen)
    kept = [*chosen, *(key for key in members.test if key in members.baselines)]
    members.test = {key: members.test[key] for key in kept}
    members.oof = {key: members.oof[key] for key in kept if key in members.oof}


def _join_members(plan: BlendPlan, prefix: str, run: Run, members: MemberPredictions, data: Data) -> None:
    """Put one member in the place of a run's: the run's own blend, postprocessed as there."""
    record = BlendRecord.load(run.folder)
    if list(record.blend.weights.values()) == [1.0]:
        return  # its only member is its blend
    own = {key: f"{prefix}/{key}" if prefix else key for key in record.blend.weights}
    parts = MemberPredictions(
        members.valid,
        {key: members.oof.pop(name) for key, name in own.items() if name in members.oof},
        {key: members.test.pop(name) for key, name in own.items()},
    )
    predicted = PredictedRun(
        run, plan.competition, metric_of(plan.competition.metric), data, parts, plan.postprocessing
    )
    blended = postprocess_blend(predicted, record.blend, record.postprocess)
    key = prefix or run.folder.name
    members.test[key] = blended.test
    if blended.valid is not None:
        members.oof[key] = blended.valid
    members.seconds[key] = sum(members.seconds.pop(name, 0.0) for name in own.values())
    for name in own.values():
        members.curves.pop(name, None)
        members.importances.pop(name, None)


def take_saved_blend(plan: BlendPlan, members: MemberPredictions, say: Callable[[str], None]) -> BlendRecord:
    """Load the weights that were saved, and call the members as these do.

    Where none has a saved name, and there are as many, they stand for the saved ones in their order. Raises UsageError
    where a member has no weight, or a weight no member.
    """
    assert plan.weights is not None
    record = BlendRecord.load(plan.weights.folder)
    saved = list(record.blend.weights)
    for key, name in _saved_names(plan, blended_keys(members), saved).items():
        if key != name:
            say(f"{key} takes the weight of {name}")
        members.test[name] = members.test.pop(key)
        if key in members.oof:
            members.oof[name] = members.oof.pop(key)
    needed = [key for key in saved if record.blend.weights[key] or any(record.blend.by_group.get(key, ()))]
    if missing := [key for key in needed if key not in members.test]:
        problem = f"The weight of {missing[0]} in {plan.weights.folder} has no member."
        raise UsageError(problem, f"Give its file as {missing[0]}=FILE.")
    return BlendRecord(record.blender, replace(record.blend, score=None), record.postprocess)


def _saved_names(plan: BlendPlan, keys: Sequence[str], saved: Sequence[str]) -> dict[str, str]:
    """By member key, the saved member whose weight it takes."""
    unnamed = not any(_name_of(given) for given in plan.given) and not set(keys) & set(saved)
    if unnamed and len(keys) == len(saved):
        return dict(zip(keys, saved, strict=True))
    if unnamed:
        raise UsageError(
            f"--weights-of has {len(saved)} weights for {len(keys)} members.",
            f"Say whose weight a file takes, NAME=FILE; saved are {', '.join(saved)}.",
        )
    found: dict[str, str] = {}
    for key in keys:
        fitting = find_members(key, saved, "--weights-of")
        if len(fitting) > 1 or fitting[0] in found.values():
            problem = f"--weights-of: '{key}' means {' and '.join(fitting)}, one of which is taken or meant too."
            raise UsageError(problem, "Name one that no other source takes.")
        found[key] = fitting[0]
    return found


def execute_blend(plan: BlendPlan, root: Path, name: str, observer: Observer, made: Run | None = None) -> Results:
    """Blend the sources in a new run's folder, or one ``made`` for it: blend, postprocess, submit, results, report."""
    competition = plan.competition
    data, members = gather_sources(plan, observer)
    saved = None if plan.weights is None else take_saved_blend(plan, members, observer.say)
    if saved is None:
        check_blender(plan.choice, members)
    run = made or Run.create(root, competition.id, name)
    blender = plan.choice.name if saved is None else saved.blender
    names = [Path(source).name for source in plan.given]
    config = {
        "competition": competition.named,
        "preset": "blend",
        "sources": list(plan.given),
        "runs": {prefix: str(each.folder.resolve()) for prefix, each in plan.runs.items()},
        "chosen": list(plan.members),
        "whole": plan.whole,
        "weights_of": plan.weights and str(plan.weights.folder.resolve()),
        "postprocess": plan.mended,
        "blend": plan.choice.model_dump(mode="json") if saved is None else {"name": blender},
    }
    what = plan.choice.name if plan.weights is None else f"weights of {plan.weights.folder.name}"
    changed = [f"{what} of {' '.join(names)}", *plan.changed]
    run.write_config(config, changed, describe_environment(plugins()))
    with record_ending(run):
        predicted = PredictedRun(run, competition, metric_of(competition.metric), data, members, plan.postprocessing)
        blend = blend_members(predicted, plan.choice, observer.say) if saved is None else saved.blend
        fitted = None if saved is None else saved.postprocess
        blended = postprocess_blend(predicted, blend, fitted)
        BlendRecord(blender, blended.blend, blended.fitted).save(run.folder)
        submission = run.folder / f"submission.{competition.formats[0]}"
        if competition.bundled:
            write_bundle(submission, competition, fitted_members(run), data.test, plan.config)
        else:
            write_submission(submission, competition, blended.test, data)
        raw = gather_raw(plan, data) if plan.postprocessing.has_options else None
        results = collect_results(predicted, blended, submission, raw=raw)
        report_results(results, competition)
        run.set_state(FINISHED)
    return results


def _file_of(source: str) -> Path | None:
    """The file that a source is, FILE or NAME=FILE; None where it is none."""
    return next((Path(each) for each in (source, source.partition("=")[2]) if each and Path(each).is_file()), None)


def _name_of(source: str) -> str:
    """What a source calls its file, NAME=FILE; empty where it says nothing."""
    return "" if Path(source).is_file() or _file_of(source) is None else source.partition("=")[0]


def _finished_run(source: str, root: Path) -> Run:
    """Find a run in which everything that it was to fit is there. Raises UsageError."""
    try:
        run = Run.find(source, root)
    except UsageError as error:
        raise UsageError(f"There is no file and no run '{source}'.", error.help) from None
    state = run.state()
    if state["state"] != FINISHED or state.get("dry_run") or "members" not in run.config():
        what = "a dry run" if state.get("dry_run") else "a blend" if state["state"] == FINISHED else state["state"]
        help = (
            "Finish it with --resume first." if state["state"] != FINISHED else "Give the runs that have its members."
        )
        raise UsageError(f"{run.folder} is {what}; only finished runs with members of their own are blended.", help)
    run.config("blend")  # raises DamagedError
    return run


def _check_same_data(runs: Sequence[Run], prepared: PreparedData) -> None:
    """Raise UsageError for a run that was made from other data."""
    for run in runs:
        if run.data()["fingerprint"] != prepared.fingerprint:
            raise UsageError(
                f"{run.folder} was made from other data than {runs[0].folder.name} finds now.",
                "Give submission.csv files instead and take --blender mean.",
            )


def _by_prefix(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs by the name that their members' keys begin with: the folder's, with its parents' where two are alike."""
    if len(runs) == 1:
        return {"": runs[0]}
    names = [run.folder.name for run in runs]
    alike = len(set(names)) < len(names)
    return {str(run.folder.resolve()) if alike else run.folder.name: run for run in runs}


def _in_order_of_sources(
    plan: BlendPlan, of_runs: dict[str, Array], data: Data, width: int
) -> Iterator[tuple[str, Array]]:
    """Test predictions by member key, those of files read now."""
    prefixes = iter(plan.runs)
    taken = set(of_runs)
    for source, given in zip(plan.sources, plan.given, strict=True):
        if isinstance(source, Path):
            name = _name_of(given)
            if name in taken:
                raise UsageError(f"{given}: another source is called {name} too.", "Give each a name of its own.")
            key = name or _distinct(source.stem, taken)
            taken.add(key)
            values = plan.competition.read_submission(source, data.test, width).values
            if np.asarray(values).dtype.kind not in "biuf" and not _are_predictions(plan.competition, values, data):
                raise UsageError(f"{given}: holds answers that are no numbers, of which no blend can be made.")
            yield key, values
        else:
            prefix = next(prefixes)
            begins = f"{prefix}/" if prefix else ""
            yield from ((key, values) for key, values in of_runs.items() if f"{key}/".startswith(begins))


def _are_predictions(competition: Competition, values: Array, data: Data) -> bool:
    """Whether text of a submission is what was predicted, and not the name of something made of predictions."""
    with suppress(CtkError):
        return np.array_equal(competition.submitted(values, data.test), values)
    return False


def _distinct(name: str, taken: set[str]) -> str:
    """A key for a file's predictions that no member has yet."""
    number, distinct = 2, f"file/{name}"
    while distinct in taken:
        distinct, number = f"file/{name}-{number}", number + 1
    return distinct
