"""The competition's metric: R2 by column, the mean of all 368; and the numbers shown beside it."""

from __future__ import annotations

from ctk.contract import Metric
from ctk.samples import Array, Samples
from ctk_leap_climsim.columns import GROUPS
from ctk_leap_climsim.postprocess import Mender, decided, weights_of
from ctk_leap_climsim.r2 import r2_of


def evaluate(prediction: Array, samples: Samples) -> dict[str, float]:
    """What a prediction will score once it is mended (``postprocess``), which a mended one is already."""
    mend = Mender(samples, {})
    assert samples.target is not None
    return summary(*r2_of(lambda of: mend(prediction[of], of), samples.target, weights_of(samples)), decided(samples))


def score(prediction: Array, truth: Samples) -> dict[str, float]:
    """A submission's numbers as the organisers count: nothing is mended."""
    assert truth.target is not None
    return summary(*r2_of(lambda of: prediction[of], truth.target, weights_of(truth)), decided(truth))


def summary(r2: Array, varies: Array, of_members: Array) -> dict[str, float]:
    """The mean of all columns, of those that vary, and of those by group.

    r2          (368,) by column
    varies      (368,) bool: whether the truth varies; constants say nothing of a model
    of_members  (368,) bool: columns that members decide
    returns     "r2" of all, as the competition counts; "r2_varying" and "r2_GROUP" of varying columns that members
                decide, nan where there are none
    """
    counted = varies & of_members
    numbers = {"r2": float(r2.mean()), "r2_varying": _mean(r2[counted])}
    for group in dict.fromkeys(GROUPS.tolist()):
        numbers[f"r2_{group}"] = _mean(r2[counted & (group == GROUPS)])
    return numbers


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


METRIC = Metric(
    "r2", "max", lambda prediction, samples: evaluate(prediction, samples)["r2"], climb="r2", columns=decided
)
