"""What a competition computes from a prediction: the truth scores best, and mending is done with once."""

from __future__ import annotations

import math

import numpy as np

from ctk.plugins import plugins
from ctk.testing.case import Case
from ctk.testing.trial import Trial
from ctk.workflow.blend_record import BlendRecord


def look(case: Case) -> None:
    """Every competition that went through a dry run."""
    own = {offer.name for offer in case.subject.of("competitions")}
    for tried in {each.competition.id: each for each in reversed(case.trials)}.values():
        if tried.competition.id in own:
            _numbers(case, tried)
            _truth(case, tried)
            _mended(case, tried)


def _numbers(case: Case, tried: Trial) -> None:
    competition, results = tried.competition, tried.results
    case.saw(f"{competition.id}: evaluate")
    for key, numbers in results.scores.items():
        if missing := [name for name in competition.headline if name not in numbers]:
            case.wrong(f"{competition.id}: evaluate gives no {', '.join(missing)}, which headline names ({key})")
            return
        if wrong := [name for name, value in numbers.items() if not isinstance(value, (int, float))]:
            case.wrong(f"{competition.id}: evaluate gives {wrong[0]} = {numbers[wrong[0]]!r}", "Numbers are floats.")
            return


def _truth(case: Case, tried: Trial) -> None:
    """The truth, handed in, is finite and no worse than what the run handed in; where the test's truth is public."""
    competition, results = tried.competition, tried.results
    truth = results.truth if results.truth is not None else results.valid
    submitted = results.submitted if results.truth is not None else results.blended
    if submitted is None or (target := truth.target_values()).shape != submitted.shape:
        return
    case.saw(f"{competition.id}: score of the truth")
    name, metric = competition.headline[0], plugins().load("metrics", competition.metric)
    best, own = (float(competition.score(values, truth)[name]) for values in (target, submitted))
    if not math.isfinite(best):
        case.wrong(
            f"{competition.id}: the truth itself scores {name} {best}", "A perfect submission has a finite score."
        )
    elif not metric.sign * best >= metric.sign * own:
        case.wrong(
            f"{competition.id}: the truth itself scores {name} {best:.6g}, worse than a dry run's {own:.6g}",
            f"Is the metric's direction '{metric.direction}' right, and headline's first number the metric?",
        )


def _mended(case: Case, tried: Trial) -> None:
    results = tried.results
    fitted = BlendRecord.load(results.folder).postprocess
    again = tried.competition.postprocess(results.submitted, results.test, fitted)
    case.saw(f"{tried.competition.id}: postprocess")
    if not np.array_equal(np.asarray(again), results.submitted):
        case.wrong(
            f"{tried.competition.id}: postprocess changes what it has mended already",
            "Members and blend are both mended: twice must be the same as once.",
        )
