"""R2 by column is scikit-learn's, however rows come and however little a column varies."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from ctk_leap_climsim.r2 import R2, ROWS, Truth, r2_by_column

ODD = {
    "a third everywhere, whose mean rounds": (1 / 3, 0.0),
    "zero": (0.0, 0.0),
    "one": (1.0, 0.0),
    "1e-35 and as little": (1e-35, 1e-35),
    "squares underflow": (0.0, 1e-170),
    "a huge offset": (1e8, 1e-3),
    "usual": (0.0, 1.0),
}


@st.composite
def cases(draw):
    """A truth and a prediction with columns of every odd kind, predicted well, exactly, by a constant, or badly."""
    rows = draw(st.sampled_from([2, 3, 17, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 5]))
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    kinds = draw(st.lists(st.sampled_from(sorted(ODD)), min_size=2, max_size=9))
    truth = np.stack([ODD[kind][0] + ODD[kind][1] * random.standard_normal(rows) for kind in kinds], axis=1)
    scale = np.array([ODD[kind][1] or 1e-9 for kind in kinds])
    error = np.array([draw(st.sampled_from([0.0, 0.3, 1.0, 1e6])) for _ in kinds])
    return truth, truth + random.standard_normal(truth.shape) * scale * error


@settings(deadline=None)
@given(case=cases())
def test_r2_is_scikit_learns_to_the_last_bit_even_of_constant_columns(case):
    truth, prediction = case
    with np.errstate(over="ignore"):
        expected = r2_score(truth, prediction, multioutput="raw_values")
    np.testing.assert_array_equal(r2_by_column(prediction, truth, np.ones(truth.shape[1])), expected)


@settings(deadline=None, max_examples=30)
@given(case=cases(), cuts=st.lists(st.integers(0, 3 * ROWS), max_size=5))
def test_r2_is_the_same_however_the_rows_are_cut(case, cuts):
    truth, prediction = case
    edges = [0, *sorted(min(cut, len(truth)) for cut in cuts), len(truth)]
    first = Truth(np.ones(truth.shape[1]))
    for start, stop in itertools.pairwise(edges):
        first.update(truth[start:stop])
    score = R2(first)
    for start, stop in itertools.pairwise(edges):
        score.update(truth[start:stop], prediction[start:stop])
    np.testing.assert_array_equal(score.result(), r2_by_column(prediction, truth, np.ones(truth.shape[1])))


def test_columns_are_multiplied_by_their_weights_and_weight_zero_scores_one():
    random = np.random.default_rng(0)
    truth, weights = random.standard_normal((100, 3)), np.array([30981.27, 0.0, 1.0])
    prediction = (truth + random.standard_normal((100, 3))).astype(np.float32)
    expected = r2_score(truth * weights, prediction.astype(np.float64) * weights, multioutput="raw_values")
    np.testing.assert_array_equal(r2_by_column(prediction, truth, weights), expected)
    assert expected[1] == 1.0


@pytest.mark.parametrize(("row", "varies"), [(None, False), (0, True), (ROWS + 3, True)])
def test_a_column_varies_if_one_row_differs(row, varies):
    truth = np.full((2 * ROWS, 1), 0.1)
    if row is not None:
        truth[row] = np.nextafter(0.1, 1)
    first = Truth(np.ones(1))
    first.update(truth)
    assert first.varies.tolist() == [varies]


def test_a_prediction_that_is_not_finite_has_no_score_and_neither_has_one_without_rows():
    truth = np.arange(8.0).reshape(4, 2)
    prediction = truth.copy()
    prediction[2, 1] = np.nan
    assert np.isnan(r2_by_column(prediction, truth, np.ones(2))).tolist() == [False, True]
    assert np.isnan(r2_by_column(truth[:0], truth[:0], np.ones(2))).all()
