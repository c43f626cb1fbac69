"""A difference is what the seeds' spread does not explain."""

import math

import numpy as np
import pytest
from scipy import stats

from ctk.series.ablation.differences import compare, each_level

# Student (1908): additional hours of sleep of ten patients by two drugs.
FIRST = dict(enumerate([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
SECOND = dict(enumerate([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]))


def test_the_paired_interval_is_student_s():
    found = compare(FIRST, SECOND, sign=1, comparisons=1)
    assert found.mean == pytest.approx(1.58)
    assert found.std == pytest.approx(1.23, abs=5e-3)
    assert found.interval == pytest.approx((0.7001, 2.4599), abs=1e-4)
    assert found.all_intervals == found.interval
    assert found.verdict == "better"


def test_the_interval_is_that_of_scipy_also_for_several_comparisons():
    found = compare(FIRST, SECOND, sign=1, comparisons=4)
    paired = stats.ttest_rel(list(SECOND.values()), list(FIRST.values()))
    for interval, level in ((found.interval, 0.95), (found.all_intervals, 0.9875)):
        assert interval == pytest.approx(tuple(paired.confidence_interval(level)))
    assert each_level(4) == pytest.approx(0.9875)


@pytest.mark.parametrize(
    ("differences", "sign", "verdict"),
    [
        ([1.0, 1.1, 0.9], 1, "better"),
        ([1.0, 1.1, 0.9], -1, "worse"),
        ([-1.0, -1.1, -0.9], -1, "better"),
        ([1.0, -0.8, 0.3], 1, "within noise"),
        ([0.0, 0.0, 0.0], 1, "no difference"),
        ([0.5, 0.5], 1, "better"),
        ([0.5], 1, "one seed, no spread"),
        ([], 1, "not compared"),
    ],
)
def test_the_verdict_is_by_interval_and_by_the_metric_s_direction(differences, sign, verdict):
    base = dict.fromkeys(range(5), 10.0)
    variant = {seed: 10.0 + each for seed, each in enumerate(differences)}
    assert compare(base, variant, sign, 1).verdict == verdict


def test_what_passes_alone_may_be_noise_among_many():
    base, variant = dict.fromkeys(range(3), 0.0), {0: 1.0, 1: 1.5, 2: 0.8}
    assert compare(base, variant, 1, 1).verdict == "better"
    assert compare(base, variant, 1, 10).verdict == "within noise"


def test_only_seeds_that_both_finished_with_are_paired():
    found = compare({1: 1.0, 2: 2.0, 3: 3.0}, {1: 1.5, 3: 3.7}, 1, 1)
    assert found.seeds == (1, 3)
    assert found.differences == pytest.approx((0.5, 0.7))


def test_one_seed_has_no_interval():
    found = compare({1: 1.0}, {1: 2.0}, 1, 1)
    assert (found.mean, found.interval, math.isnan(found.std)) == (1.0, None, True)


def test_noise_alone_is_called_a_difference_in_a_twentieth_of_ablations():
    random = np.random.default_rng(0)
    base = dict.fromkeys(range(4), 0.0)
    several = 0
    for _ in range(1000):
        verdicts = [compare(base, dict(enumerate(row)), 1, 5).verdict for row in random.normal(size=(5, 4)).tolist()]
        several += any(verdict != "within noise" for verdict in verdicts)
    assert 25 <= several <= 75  # 48 expected; 4 standard deviations are 27
