"""Blending runs of different times and submissions of other people into a new run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ctk.config.overrides import override
from ctk.config.resolve import base_config, resolve
from ctk.contract import Choice, Competition, Results, RunConfig
from ctk.contract.schema import validate_config
from ctk.errors import UsageError
from ctk.plugins import plugins
from ctk.plugins.component_options import resolve_choice
from ctk.plugins.guard import competition_of, metric_of
from ctk.runs import FINISHED, Run
from ctk.samples import Array, Data
from ctk.workflow.blend_members import PredictedRun, blend_members, check_blender, postprocess_blend
from ctk.workflow.blend_record import BlendRecord
from ctk.workflow.collect_results import collect_results, report_results
from ctk.workflow.environment import describe_environment
from ctk.workflow.observer import Observer
from ctk.workflow.predictions import MemberPredictions, gather_predictions
from ctk.workflow.prepare import PreparedData, prepare, prepare_test
from ctk.workflow.run_ending import record_ending
from ctk.workflow.write_submission import write_submission


@dataclass(frozen=True)
class BlendPlan:
    """What is blended and how.

    sources  runs, and submission files by their paths, in the order that members come in
    given    the sources as they were asked for
    config   tells which data; of the first run, or the competition's own for files alone
    choice   the blender
    changed  what the blender differs in from its defaults, "key=value" each; for people
    """

    sources: tuple[Run | Path, ...]
    given: tuple[str, ...]
    competition: Competition
    config: RunConfig
    choice: Choice
    changed: tuple[str, ...]

    @property
    def runs(self) -> list[Run]:
        """The sources that are runs."""
        return [source for source in self.sources if isinstance(source, Run)]


def plan_blend(
    sources: Sequence[str],
    root: Path,
    blender: str | None = None,
    options: Sequence[str] = (),
    competition: str | None = None,
    data_dir: Path | None = None,
) -> BlendPlan:
    """Find the sources and choose the blender.

    Competition and data are the runs' own; for files alone they are given. Raises UsageError for a run that is not
    finished, and for runs of different competitions.
    """
    found = tuple(Path(each) if Path(each).is_file() else _finished_run(each, root) for each in sources)
    runs = [source for source in found if isinstance(source, Run)]
    if len({run.folder.resolve() for run in runs}) < len(runs):
        raise UsageError("A run is given twice.", "Give each source once.")
    if runs and data_dir is not None:
        raise UsageError("--data is for files alone; runs know their own data.")
    ids = {run.competition for run in runs} | ({competition} if competition else set())
    if len(ids) != 1:
        raise UsageError(
            f"These sources are of {len(ids)} competitions: {', '.join(sorted(ids)) or 'none said'}.",
            "Give runs of one competition, or say it with --competition.",
        )
    known = competition_of(ids.pop())
    own = runs[0].config()["blend"] if len(runs) == len(found) else {"name": "mean"}
    raw: dict[str, Any] = dict(own) if blender in (None, own["name"]) else {"name": blender}
    raw.pop("members", None)  # what that run blended of its own; here all of the sources are blended
    config = runs[0].config() if runs else base_config(known, data_dir)
    for assignment in options:
        of_data = assignment.startswith(("data.", "data="))
        if of_data and runs:
            raise UsageError(f"-o {assignment}: runs know their own data.", "Options of data are for files alone.")
        override(config if of_data else raw, assignment)
    beside = plugins().beside("competitions", known.named)
    choice = resolve_choice(validate_config(Choice, raw, "blend"), "blenders", "blend", beside)
    return BlendPlan(found, tuple(sources), known, resolve(config, plugins()), choice, tuple(options))


def gather_sources(plan: BlendPlan, observer: Observer) -> tuple[Data, MemberPredictions]:
    """Read the data, and the predictions of every member of the runs and of the files, which have none out of fold.

    Members come in the order of the sources, so that weights can be given by hand. What files hold stays where their
    reader put it: one that maps it from disk lets more of them be blended than memory holds. Raises UsageError if runs
    are of different data, SubmissionError for a file that is none.
    """
    runs = plan.runs
    if runs:
        prepared = prepare(plan.config, plan.competition, plugins(), observer.say, observer.working)
        _check_same_data(runs, prepared)
        data, width = prepared.data, prepared.data.train.target_width
        members = gather_predictions(_by_prefix(runs), data.train, data.test)
        data = replace(data, about=f"{data.about}; validated on the {len(members.valid):,} that all runs share")
    else:
        data, width = prepare_test(plan.config, plan.competition, plugins(), observer.working)
        members = MemberPredictions(data.train.take(np.arange(0)), {}, {})
    members.test = dict(_in_order_of_sources(plan, members.test, data, width))
    return data, members


def execute_blend(plan: BlendPlan, root: Path, name: str, observer: Observer) -> Results:
    """Blend the sources in a new run's folder: blend, postprocess, submit, results, report."""
    competition = plan.competition
    data, members = gather_sources(plan, observer)
    check_blender(plan.choice, members)
    run = Run.create(root, competition.id, name)
    names = [Path(source).name for source in plan.given]
    config = {
        "competition": competition.named,
        "preset": "blend",
        "sources": list(plan.given),
        "blend": plan.choice.model_dump(),
    }
    changed = [f"{plan.choice.name} of {' '.join(names)}", *plan.changed]
    run.write_config(config, changed, describe_environment(plugins()))
    with record_ending(run):
        predicted = PredictedRun(run, competition, metric_of(competition.metric), data, members)
        blended = postprocess_blend(predicted, blend_members(predicted, plan.choice, observer.say))
        BlendRecord(plan.choice.name, blended.blend, blended.fitted).save(run.folder)
        submission = run.folder / f"submission.{competition.formats[0]}"
        write_submission(submission, competition, blended.test, data)
        results = collect_results(predicted, blended, submission)
        report_results(results, competition)
        run.set_state(FINISHED)
    return results


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
    prefixes = iter(_by_prefix(plan.runs))
    taken = set(of_runs)
    for source in plan.sources:
        if isinstance(source, Path):
            key = _distinct(source.stem, taken)
            taken.add(key)
            yield key, plan.competition.read_submission(source, data.test, width).values
        else:
            prefix = next(prefixes)
            begins = f"{prefix}/" if prefix else ""
            yield from ((key, values) for key, values in of_runs.items() if key.startswith(begins))


def _distinct(name: str, taken: set[str]) -> str:
    """A key for a file's predictions that no member has yet."""
    number, distinct = 2, f"file/{name}"
    while distinct in taken:
        distinct, number = f"file/{name}-{number}", number + 1
    return distinct
