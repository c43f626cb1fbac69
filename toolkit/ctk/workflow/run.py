"""One run from its first step to its last: read this file from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ctk.contract import BlendChoice, FurtherBlend, Results
from ctk.contract.results import BLEND
from ctk.errors import CtkError, DamagedError
from ctk.files import remove_unfinished, write_json
from ctk.plugins import plugins
from ctk.runs import FINISHED, RAW, RUNNING, Run
from ctk.samples import Samples
from ctk.training import torchrun
from ctk.workflow.blend_members import (
    BlendedPredictions,
    PredictedRun,
    blend_members,
    check_could_blend,
    postprocess_blend,
)
from ctk.workflow.blend_record import BlendRecord
from ctk.workflow.bundles import fitted_members, write_bundle
from ctk.workflow.collect_results import collect_results, report_results, score_blend
from ctk.workflow.environment import describe_environment
from ctk.workflow.fit import kept_file, limit_samples
from ctk.workflow.fit_members import fit_members
from ctk.workflow.fits_in_time import FitsInTime
from ctk.workflow.fold_scores import FoldScorer
from ctk.workflow.lifecycle import call_hook, say_and_log
from ctk.workflow.observer import Observer, SilentObserver
from ctk.workflow.plan_run import RunPlan
from ctk.workflow.postprocessing import Postprocessing
from ctk.workflow.predictions import MemberPredictions, gather_predictions
from ctk.workflow.prepare import PreparedData, prepare
from ctk.workflow.pseudo_labels import check_pseudo_labels
from ctk.workflow.run_ending import record_ending
from ctk.workflow.settle_members import (
    blend_in_time,
    constant_member,
    is_there,
    of_what_is_there,
    refuse_without_members,
    say_used,
    settle_members,
)
from ctk.workflow.split.division import Division, divide
from ctk.workflow.stacking import check_used
from ctk.workflow.write_submission import try_submission, write_submission


def execute_run(plan: RunPlan, observer: Observer | None = None) -> Results:
    """Do whatever of a run is not done yet, and return its results.

    Ctrl-C and SIGTERM leave a run that can be resumed. Raises CtkError in one sentence for all that a user can mend.
    """
    observer = observer or SilentObserver()
    run, config, competition = plan.run, plan.config, plan.competition
    say = say_and_log(run, observer)
    again = f"Go on with: {torchrun.command_line()} {plan.verb} {run.competition} --resume {run.folder}"
    with run.locked(), record_ending(run, again if plan.verb else ""):
        remove_unfinished(run.folder)
        if plan.changes[0]:
            run.change_config(*plan.changes)
        run.set_state(RUNNING)
        _mend_environment(run, say)
        call_hook(say, "ctk_run_started", run=run, config=config)

        prepared = _prepare(plan, say, observer)
        data = prepared.data
        train = limit_samples(data.train, plan.steps)
        if not (submission := _submission_in(run.folder, plan)).exists() and not competition.bundled:
            try_submission(submission, competition, data)
        # Before anything is fitted: nothing that leaks is worth the time.
        division = divide(train, config.split) if config.checkpoints is None else None
        if division is not None:
            blended_members = [member.name for member in config.members if member.blend]
            for choice in (config.blend, *config.blends.values()):
                keys = config.keys_of(choice.members or blended_members)
                check_could_blend(choice, keys, train, division.fold_of_row >= 0, data.test, plan.metric)
        check_used(config, run, train, data.test, division if plan.steps is None else None)
        check_pseudo_labels(config, run, train)
        mend = Postprocessing(competition, config.postprocess)

        def predicted_by(members: MemberPredictions) -> PredictedRun:
            return PredictedRun(run, competition, plan.metric, data, members, mend)

        def blend_so_far(keys: Sequence[str]) -> None:
            members = gather_predictions({"": run}, train, data.test, keys=keys)
            assert timed is not None
            _blend(plan, predicted_by(members), config.blend, Path(), run.log, timed.clock.end_of_blend_so_far)

        timed = FitsInTime(plan, say, blend_so_far) if plan.is_limited else None
        fit_members(plan, prepared, observer, timed)
        limited: Sequence[str] = () if timed is None else settle_members(run, timed.schedule)
        none_done = timed is not None and not run.parts()
        if none_done and division is not None:
            refuse_without_members(run, competition, str(config.time_limit))
            members = constant_member(train, data.test, division)
        else:
            members = gather_predictions({"": run}, train, data.test)
        scorer = None if division is None else _fold_scorer(plan, train, division)

        predicted = predicted_by(members)
        names = [n for n, each in config.blends.items() if timed is None or is_there(members, config, each)]
        until = None if timed is None else timed.clock.end_of_blend
        tell = observer.say if timed is None else say
        blends = {name: _further_blend(plan, predicted, name, tell, until) for name in names}
        blended, submission = _blend(plan, predicted, config.blend, Path(), tell, until)
        has_raw = mend.has_options and not none_done
        raw = gather_predictions({"": run}, train, data.test, RAW) if has_raw else None
        results = collect_results(predicted, blended, submission, scorer, blends, raw, limited)
        report_results(results, competition)

        run.set_state(FINISHED)
        if timed is not None:
            for line in limited:
                run.log(line)
            say(say_used(timed.schedule))
        call_hook(say, "ctk_run_finished", run=run, scores=dict(results.scores.get(BLEND, {})))
    return results


def _mend_environment(run: Run, say: Callable[[str], None]) -> None:
    """Write where the run is made once more, if a power cut left nothing of it."""
    try:
        run.environment()
    except DamagedError as error:
        say(f"{error.problem} It is written anew.")
        write_json(run.folder / "environment.json", describe_environment(plugins()))


def _blend(
    plan: RunPlan,
    predicted: PredictedRun,
    choice: BlendChoice,
    place: Path,
    say: Callable[[str], None],
    until: float | None = None,
) -> tuple[BlendedPredictions, Path]:
    """Blend as a choice says, or as the saved run did; write record and submission to ``place`` in the run's folder."""
    config, competition, folder = plan.config, plan.competition, plan.run.folder / place
    if plan.is_limited:
        chosen = of_what_is_there(predicted, config, choice)
    else:
        chosen = replace(predicted, members=predicted.members.of(config.keys_of(choice.members)))
    if plan.is_limited:
        blended = postprocess_blend(chosen, blend_in_time(chosen, choice, until, say))
    elif config.checkpoints is None:
        blended = postprocess_blend(chosen, blend_members(chosen, choice, say))
    else:
        record = BlendRecord.load(Path(config.checkpoints) / place)
        blended = postprocess_blend(chosen, record.blend, record.postprocess)
    BlendRecord(choice.name, blended.blend, blended.fitted).save(folder)
    submission = _submission_in(folder, plan)
    for old in folder.glob("submission.*"):  # of the blend before, where the run's was changed since
        if old != submission:
            old.unlink()
    if competition.bundled:
        members = fitted_members(plan.run, blended.blend.weights)
        write_bundle(submission, competition, members, predicted.data.test, config)
    else:
        write_submission(submission, competition, blended.test, predicted.data)
    return blended, submission


def _submission_in(folder: Path, plan: RunPlan) -> Path:
    return folder / plan.config.submission_name(plan.competition.formats)


def _further_blend(
    plan: RunPlan, predicted: PredictedRun, name: str, say: Callable[[str], None], until: float | None
) -> FurtherBlend:
    """Make one of the config's further blends. Its predictions are let go at once: they may be large."""
    blended, submission = _blend(plan, predicted, plan.config.blends[name], Path("blends") / name, say, until)
    return FurtherBlend(blended.blend, *score_blend(predicted, blended), submission)


def _prepare(plan: RunPlan, say: Callable[[str], None], observer: Observer) -> PreparedData:
    """Prepare the data, unless that was done before. Raises CtkError where it is not what the run began with."""
    run = plan.run
    prepared = plan.prepared or prepare(
        plan.config, plan.competition, plugins(), say, observer.working, run.config(), plan.refresh
    )
    path = run.folder / "data.json"
    try:
        if path.exists():
            _compare_data(run, plan.config.data.name, prepared, say)
    except DamagedError as error:  # each fitted part knows its data too
        say(f"{error.problem} It is written anew.")
    write_json(path, {"fingerprint": prepared.fingerprint, "code": prepared.code, "folder": prepared.root})
    say(prepared.data.about)
    return prepared


def _compare_data(run: Run, reader: str, prepared: PreparedData, say: Callable[[str], None]) -> None:
    """Raise CtkError for other data than the run began with; say where the reader's code is another."""
    before = run.data()
    if before["fingerprint"] != prepared.fingerprint:
        raise CtkError(f"The data has changed since {run.folder} began.", "Start a new run.")
    if before.get("code", prepared.code) != prepared.code:
        say(f"the code of the data reader '{reader}' has changed since this run began: what it reads now may differ")


def _fold_scorer(plan: RunPlan, train: Samples, division: Division) -> FoldScorer:
    """Pair the run's folds with what some member learns from. Raises CtkError if what is stored is of other folds."""
    files = [kept_file(plan.run, plan.config, member) for member in plan.config.members]
    sets = [plan.run.kept(len(train), path) for paths in files for path in paths]
    kept = np.logical_or.reduce(sets) if len(sets) == len(files) else np.ones(len(train), dtype=bool)
    scorer = FoldScorer(train, plan.config.split, division, kept)
    scorer.check_stored(plan.run)
    return scorer
