"""Mending never makes a right answer wrong, and does what it says."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctk.samples import Samples, Targets
from ctk_leap_climsim.columns import EXACT_INPUTS, EXACT_TARGETS, GROUPS, INPUTS, STEP, TARGETS, ZERO
from ctk_leap_climsim.metric import METRIC, evaluate, score, summary
from ctk_leap_climsim.postprocess import ROWS, apply, decided, fit

WATERS = ("q0001", "q0002", "q0003")


def columns(names: tuple[str, ...], *starts: str) -> list[int]:
    """Numbers of the columns whose name begins so."""
    return [number for number, name in enumerate(names) if name.startswith(starts)]


STATE = columns(INPUTS, *(f"state_{water}_" for water in WATERS))
TENDENCY = columns(TARGETS, *(f"ptend_{water}_" for water in WATERS))
SURFACE = columns(TARGETS, "cam_out_")


def atmosphere(rows: int, seed: int = 0, **constants: np.ndarray) -> Samples:
    """Samples with answers that can be: water states of all sizes, some emptied in a step, nothing below zero."""
    random = np.random.default_rng(seed)
    state = random.standard_normal((rows, 556))
    state[:, STATE] = 10.0 ** random.uniform(-60, -2, (rows, len(STATE))) * (random.random((rows, len(STATE))) < 0.8)
    after = state[:, STATE] * random.choice([0.0, 0.5, 1.0, 3.0], (rows, len(STATE)))
    target = random.standard_normal((rows, 368))
    target[:, TENDENCY] = (after - state[:, STATE]) / STEP
    target[:, EXACT_TARGETS] = (0 - state[:, EXACT_INPUTS]) / STEP
    target[:, ZERO] = 0
    target[:, SURFACE] = np.abs(target[:, SURFACE]) * (random.random((rows, len(SURFACE))) < 0.5)
    weights = np.where(ZERO, 0.0, 1.0)
    return Samples(
        ids=np.arange(rows),
        features={"columns": state.astype(np.float32), "cloud_liquid": state[:, EXACT_INPUTS]},
        target=target,
        constants={"weights": weights, "target_mean": target.mean(0), "target_std": target.std(0), **constants},
        targets=Targets(np.array(TARGETS), GROUPS),
    )


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_mending_leaves_the_right_answer_as_it_is(seed):
    samples = atmosphere(20, seed)
    np.testing.assert_array_equal(apply(samples.target, samples, {}), samples.target)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), scale=st.sampled_from([1e-9, 1.0]))
def test_mending_never_takes_a_prediction_further_from_the_right_answer(seed, scale):
    samples = atmosphere(20, seed)
    prediction = samples.target + scale * np.random.default_rng(seed).standard_normal(samples.target.shape)
    worse = np.abs(apply(prediction, samples, {}) - samples.target) > np.abs(prediction - samples.target)
    assert not worse.any()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), single=st.booleans())
def test_what_is_mended_twice_is_what_is_mended_once(seed, single):
    samples = atmosphere(20, seed)
    prediction = np.random.default_rng(seed).standard_normal((20, 368))
    fitted = {"to_mean": {"ptend_t_3": 0.1, "ptend_q0003_30": -0.5, "cam_out_PRECC": -1.0}}
    once = apply(prediction, samples, fitted)
    again = once.astype(np.float32) if single else once  # members' predictions are kept in float32
    twice = apply(again, samples, fitted)
    np.testing.assert_array_equal(twice, apply(again.astype(np.float64), samples, fitted))
    if single:
        np.testing.assert_allclose(twice, once, rtol=1e-6, atol=1e-44)
    else:
        np.testing.assert_array_equal(twice, once)


def test_cloud_liquid_that_is_removed_is_exact_in_float64_far_below_what_float32_holds():
    samples = atmosphere(200)
    mended = apply(np.zeros((200, 368), np.float32), samples, {})
    assert mended.dtype == np.float64
    np.testing.assert_array_equal(mended[:, EXACT_TARGETS], samples.features["cloud_liquid"] / -1200.0)
    assert (np.abs(mended[:, EXACT_TARGETS][mended[:, EXACT_TARGETS] != 0]) < 1e-46).any()


def test_columns_of_weight_zero_are_zero_whatever_else_is_known_of_them():
    weights = np.where(ZERO, 0.0, 2.0)
    weights[EXACT_TARGETS[:3]] = 0  # as the first rule of the competition had them
    mended = apply(np.ones((50, 368)), atmosphere(50, weights=weights), {})
    assert ((mended == 0).all(axis=0) == (weights == 0)).all()


def test_no_step_leaves_less_than_no_water_and_nothing_falls_upwards():
    samples = atmosphere(50)
    mended = apply(np.full((50, 368), -1.0), samples, {})
    state = samples.features["columns"][:, STATE].astype(np.float64)
    after = state + STEP * mended[:, TENDENCY]
    free = [place for place, column in enumerate(TENDENCY) if column not in EXACT_TARGETS and not ZERO[column]]
    assert (after[:, free] >= -2e-7 * state[:, free] - 1e-44).all()
    assert (mended[:, SURFACE] == 0).all()
    assert (mended[:, columns(TARGETS, "ptend_t_", "ptend_u_30")] == -1).all()


def test_columns_that_the_mean_predicts_better_become_the_mean():
    samples = atmosphere(300)
    prediction = 0.9 * samples.target
    bad = [TARGETS.index("ptend_t_5"), TARGETS.index("ptend_u_40")]
    prediction[:, bad] += 50
    fitted = json.loads(json.dumps(fit(prediction, samples)))
    assert fitted["to_mean"].keys() == {"ptend_t_5", "ptend_u_40"}
    assert (apply(prediction, samples, fitted)[:, bad] == samples.constants["target_mean"][bad]).all()


def test_a_column_that_never_moved_in_training_is_its_mean_and_members_do_not_decide_it():
    samples = atmosphere(40)
    column = TARGETS.index("ptend_v_20")
    samples.target[:, column] = 0.25
    mean, std = samples.target.mean(0), samples.target.std(0)
    mean[column], std[column] = 0.25, 0.0
    samples = replace(samples, constants={**samples.constants, "target_mean": mean, "target_std": std})
    prediction = samples.target + 1e-9
    assert (apply(prediction, samples, {})[:, column] == 0.25).all()
    assert not decided(samples)[column]
    assert fit(prediction, samples)["to_mean"]["ptend_v_20"] == 0.25  # kept for those who have no training data


def test_where_nothing_was_measured_no_column_counts_as_constant():
    samples = atmosphere(3, target_mean=np.zeros(368), target_std=np.zeros(368))
    assert (apply(np.ones((3, 368)), samples, {})[:, columns(TARGETS, "ptend_t_")] == 1).all()


def test_samples_of_a_truth_file_are_mended_by_what_there_is():
    bare = Samples(ids=np.arange(2), features={}, target=np.ones((2, 368)))
    mended = apply(np.full((2, 368), -1.0), bare, {})
    assert (mended[:, SURFACE] == 0).all()
    assert (mended[:, TENDENCY] == -1).all()


def test_blocks_of_rows_are_joined_in_order():
    samples = atmosphere(ROWS + 10)
    prediction = np.random.default_rng(1).standard_normal((ROWS + 10, 368))
    rows = np.arange(ROWS - 5, ROWS + 5)
    np.testing.assert_array_equal(apply(prediction, samples, {})[rows], apply(prediction[rows], samples.take(rows), {}))


def test_the_metric_counts_exact_and_zero_columns_as_they_will_be_submitted():
    samples = atmosphere(100)
    prediction = samples.target.copy()
    prediction[:, ZERO] = 3
    prediction[:, EXACT_TARGETS] = 3
    assert METRIC.score(prediction, samples) == 1.0
    assert METRIC.columns is not None
    assert METRIC.columns(samples).sum() == 368 - 60 - 16
    assert score(prediction, samples)["r2"] < 0  # as submitted unmended


def test_evaluating_a_mended_prediction_says_what_evaluating_it_unmended_says():
    samples = atmosphere(100)
    prediction = np.random.default_rng(2).standard_normal((100, 368)).astype(np.float32)
    assert evaluate(prediction, samples) == evaluate(apply(prediction, samples, {}), samples)


def test_the_numbers_shown_are_means_over_all_over_varying_columns_and_by_group():
    r2, varies, free = np.zeros(368), np.ones(368, bool), np.ones(368, bool)
    heat, surface = GROUPS == "ptend_t", GROUPS == "cam_out"
    r2[heat], varies[heat] = np.arange(60), np.arange(60) % 2 == 1
    free[surface] = False
    numbers = summary(r2, varies, free)
    assert numbers["r2"] == pytest.approx(r2.sum() / 368)
    assert numbers["r2_ptend_t"] == pytest.approx(np.arange(1, 60, 2).mean())
    assert numbers["r2_varying"] == pytest.approx(np.arange(1, 60, 2).sum() / (368 - 30 - 8))
    assert np.isnan(numbers["r2_cam_out"])
