"""Student's t as the tables and scipy have it."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ctk.series.ablation.student_t import quantile, within


@pytest.mark.parametrize(
    ("probability", "freedom", "t"),
    # Abramowitz and Stegun (1964), table 26.10
    [(0.95, 1, 12.706), (0.95, 2, 4.303), (0.95, 9, 2.262), (0.99, 2, 9.925), (0.95, 60, 2.000), (0.8, 5, 1.476)],
)
def test_quantiles_are_those_of_the_table(probability, freedom, t):
    assert quantile(probability, freedom) == pytest.approx(t, abs=5e-4)


@settings(deadline=None)
@given(probability=st.floats(0, 0.99999), freedom=st.integers(1, 200))
def test_quantiles_are_those_of_scipy(probability, freedom):
    assert quantile(probability, freedom) == pytest.approx(
        stats.t.ppf((1 + probability) / 2, freedom), rel=1e-7, abs=1e-9
    )


@settings(deadline=None)
@given(t=st.floats(0, 1e6), freedom=st.integers(1, 200))
def test_probabilities_are_those_of_scipy(t, freedom):
    assert within(t, freedom) == pytest.approx(1 - 2 * stats.t.sf(t, freedom), abs=1e-12)


def test_many_degrees_of_freedom_are_nearly_normal():
    assert quantile(0.95, 10_000) == pytest.approx(1.95996, abs=1e-3)
    assert math.isfinite(quantile(0.999999, 1))
