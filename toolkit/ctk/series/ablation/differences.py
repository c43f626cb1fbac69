"""The difference of a variant to the base, paired by seed, and whether the seeds' spread could be all of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

LEVEL = 0.95
NOISE, BETTER, WORSE, NONE = "within noise", "better", "worse", "no difference"
ALONE, LOST = "one seed, no spread", "not compared"

Interval = tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """A variant's scores less the base's with the same seeds.

    seeds    those with which both finished
    base, scores, differences   a number a seed
    mean     of the differences; nan where there are none
    std      their sample standard deviation; nan for fewer than two
    interval       95 % for the mean difference, by Student's t; None for fewer than two
    all_intervals  the same, wide enough to hold for all variants at once in 95 % of ablations
    verdict  by ``all_intervals``: "within noise" where it holds 0, else "better" or "worse"
    """

    seeds: tuple[int, ...]
    base: tuple[float, ...]
    scores: tuple[float, ...]
    differences: tuple[float, ...]
    mean: float
    std: float
    interval: Interval | None
    all_intervals: Interval | None
    verdict: str


def each_level(comparisons: int) -> float:
    """Compute the level of each of several intervals that hold together at 95 %, however they depend on each other."""
    return 1 - (1 - LEVEL) / comparisons


def compare(base: Mapping[int, float], variant: Mapping[int, float], sign: int, comparisons: int) -> Difference:
    """Compare scores paired by seed; ``sign`` is 1 where a higher score is better, else -1.

    With several ``comparisons`` one of them would pass for better by chance sooner or later: their intervals are
    widened to a level of 1 - 0.05 / comparisons (Bonferroni: Dunn, Multiple comparisons among means, JASA 56, 1961).
    """
    seeds = tuple(seed for seed in base if seed in variant)
    differences = tuple(variant[seed] - base[seed] for seed in seeds)
    mean = statistics.fmean(differences) if differences else math.nan
    several = len(differences) > 1
    wide = _interval(differences, each_level(comparisons)) if several else None
    return Difference(
        seeds=seeds,
        base=tuple(base[seed] for seed in seeds),
        scores=tuple(variant[seed] for seed in seeds),
        differences=differences,
        mean=mean,
        std=statistics.stdev(differences) if several else math.nan,
        interval=_interval(differences, LEVEL) if several else None,
        all_intervals=wide,
        verdict=_verdict(differences, wide, sign),
    )


def _interval(differences: tuple[float, ...], level: float) -> Interval:
    """Of the mean of normal differences: mean ± t · s / √n."""
    from scipy.special import stdtrit  # late: of all that is imported with `ctk.api`, ablations alone need SciPy

    mean, count = statistics.fmean(differences), len(differences)
    reach = float(stdtrit(count - 1, (1 + level) / 2)) * statistics.stdev(differences) / math.sqrt(count)
    return mean - reach, mean + reach


def _verdict(differences: tuple[float, ...], interval: Interval | None, sign: int) -> str:
    if not differences:
        return LOST
    if interval is None:
        return ALONE
    if not any(differences):
        return NONE
    low, high = interval
    if low <= 0 <= high:
        return NOISE
    return BETTER if sign * low > 0 else WORSE
