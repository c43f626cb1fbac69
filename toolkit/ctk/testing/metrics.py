"""A metric is a number, the same each time, and nothing beats the truth."""

from __future__ import annotations

import math

import numpy as np

from ctk.contract import Metric
from ctk.errors import CtkError
from ctk.testing.case import Case
from ctk.testing.subject import Offer, told
from ctk.testing.trial import Trial


def look_at_metric(case: Case, offer: Offer, what: str, tried: Trial) -> None:
    """Score a member's predictions of a run, and the truth. Raises CtkError where it cannot score such samples."""
    metric: Metric = offer.load()
    samples = tried.results.valid
    prediction = np.array(next(iter(tried.results.oof.values())))
    kept = prediction.copy()
    try:
        score = metric.score(prediction, samples)
        again = metric.score(prediction, samples)
    except Exception as error:
        raise CtkError(told(error)) from error
    case.saw(what)
    if not isinstance(score, (int, float)) or not math.isfinite(score):
        case.wrong(f"the {offer.title} scores predictions as {score!r}", "A score is a finite float.")
        return
    if score != again:
        case.wrong(
            f"the {offer.title} scores the same predictions as {score!r} and {again!r}", "Draw nothing at random."
        )
    if not np.array_equal(kept, prediction):
        case.wrong(f"the {offer.title} changes the predictions it scores", "Copy before writing.")
    truth = samples.target_values()
    if truth.shape != prediction.shape:
        return
    perfect = metric.score(np.array(truth, prediction.dtype), samples)
    if not metric.sign * perfect >= metric.sign * score:
        case.wrong(
            f"the {offer.title} is {score!r} for a ridge regression and {perfect!r} for the truth itself, and its "
            f"direction is '{metric.direction}'",
            "direction says whether higher ('max') or lower ('min') is better.",
        )
