"""Blending runs of different times and submissions of other people into a new run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ctk.config.overrides import override
from ctk.config.resolve import base_config, resolve
from ctk.contract import Choice, Results
from ctk.contract.schema import validate_config
from ctk.errors import UsageError
from ctk.files import read_json
from ctk.plugins import plugins
from ctk.plugins.guard import metric_of
from ctk.plugins.guard.competition import competition_of
from ctk.plugins.options import component
from ctk.runs import FINISHED, Run
from ctk.workflow.environment import describe_environment
from ctk.workflow.finish import check_blender, finish
from ctk.workflow.observer import Observer
from ctk.workflow.predictions import MemberPredictions, gather_predictions
from ctk.workflow.prepare import PreparedData, prepare, prepare_test
from ctk.workflow.run_ending import record_ending


def blend_sources(
    sources: Sequence[str],
    root: Path,
    blender: str | None,
    options: Sequence[str],
    competition: str | None,
    data_dir: Path | None,
    name: str,
    observer: Observer,
) -> Results:
    """Blend every member of the runs, and the submission files as members without validation predictions.

    Members come in the order of the sources, so that weights can be given by hand. What files hold stays where their
    reader put it: one that maps it from disk lets more of them be blended than memory holds.

    Competition and data are the runs' own; for files alone they are given. Raises UsageError if runs are of different
    competitions or data, SubmissionError for a file that is none.
    """
    runs = [_finished(_run(source, root)) for source in sources if not Path(source).is_file()]
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
    own = runs[0].config()["blend"] if len(runs) == len(sources) else {"name": "mean"}
    raw: dict[str, Any] = dict(own) if blender in (None, own["name"]) else {"name": blender}
    found = runs[0].config() if runs else base_config(known, data_dir)
    for assignment in options:
        of_data = assignment.startswith(("data.", "data="))
        if of_data and runs:
            raise UsageError(f"-o {assignment}: runs know their own data.", "Options of data are for files alone.")
        override(found if of_data else raw, assignment)
    choice = component(
        validate_config(Choice, raw, "blend"), "blenders", "blend", plugins().beside("competitions", known.named)
    )
    base = resolve(found, plugins())
    if runs:
        prepared = prepare(base, known, plugins(), observer.say, observer.working)
        _same_data(runs, prepared)
        data, width = prepared.data, prepared.data.train.target_width
        gathered = gather_predictions(_prefixes(runs), data.train, data.test)
        data = replace(data, about=f"{data.about}; validated on the {len(gathered.valid):,} that all runs share")
    else:
        data, width = prepare_test(base, known, plugins(), observer.working)
        gathered = MemberPredictions(data.train.take(np.arange(0)), {}, {})
    members = gathered.test
    gathered.test = {}
    prefixes = iter(_prefixes(runs))
    for source in sources:
        if Path(source).is_file():
            key = _distinct(Path(source).stem, {*members, *gathered.test})
            gathered.test[key] = known.read_submission(Path(source), data.test, width).values
        else:
            prefix = next(prefixes)
            begins = f"{prefix}/" if prefix else ""
            gathered.test |= {key: values for key, values in members.items() if key.startswith(begins)}
    check_blender(choice, gathered)
    run = Run.create(root, known.id, name)
    config = {
        "competition": known.named,
        "preset": "blend",
        "sources": list(map(str, sources)),
        "blend": choice.model_dump(),
    }
    run.write_config(
        config,
        [f"{choice.name} of {' '.join(Path(source).name for source in sources)}", *options],
        describe_environment(plugins()),
    )
    metric = metric_of(known.metric)
    with record_ending(run):
        results = finish(run, known, metric, choice, gathered, data, observer.say)
        run.set_state(FINISHED)
    return results


def _run(source: str, root: Path) -> Run:
    try:
        return Run.find(source, root)
    except UsageError as error:
        raise UsageError(f"There is no file and no run '{source}'.", error.help) from None


def _finished(run: Run) -> Run:
    """The run, if everything that it was to fit is there. Raises UsageError."""
    state = run.state()
    if state["state"] != FINISHED or state.get("dry_run") or "members" not in run.config():
        what = "a dry run" if state.get("dry_run") else "a blend" if state["state"] == FINISHED else state["state"]
        help = (
            "Finish it with --resume first." if state["state"] != FINISHED else "Give the runs that have its members."
        )
        raise UsageError(f"{run.folder} is {what}; only finished runs with members of their own are blended.", help)
    return run


def _same_data(runs: Sequence[Run], prepared: PreparedData) -> None:
    for run in runs:
        if read_json(run.folder / "data.json")["fingerprint"] != prepared.fingerprint:
            raise UsageError(
                f"{run.folder} was made from other data than {runs[0].folder.name} finds now.",
                "Give submission.csv files instead and take --blender mean.",
            )


def _prefixes(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs by the name that their members' keys begin with: the folder's, with its parents' where two are alike."""
    if len(runs) == 1:
        return {"": runs[0]}
    names = [run.folder.name for run in runs]
    alike = len(set(names)) < len(names)
    return {str(run.folder.resolve()) if alike else run.folder.name: run for run in runs}


def _distinct(name: str, taken: Any) -> str:
    number, distinct = 2, f"file/{name}"
    while distinct in taken:
        distinct, number = f"file/{name}-{number}", number + 1
    return distinct
