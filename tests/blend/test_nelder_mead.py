"""Nelder and Mead's simplex: what its weights are, what it reaches, and the climb that must not stay behind."""

import numpy as np
import pytest

from ctk.blend import hill_climb, nelder_mead, reference
from ctk.blend.engine import native

EXACT = ("mse", "rmse", "r2", "weighted_r2", "mae", "smooth_l1", "logloss")


def problem(seed, metric):
    random = np.random.default_rng(seed)
    members, rows = int(random.integers(2, 7)), int(random.integers(40, 600))
    target = random.standard_normal((rows, 2))
    shared = random.uniform(0, 1) * random.standard_normal((rows, 1))
    predictions = np.stack(
        [
            target * random.uniform(0.5, 1.2) + shared + random.uniform(0.2, 1.5) * random.standard_normal((rows, 2))
            for _ in range(members)
        ]
    )
    if metric == "logloss":
        return np.clip(1 / (1 + np.exp(-2 * predictions[:, :, 0])), 1e-6, 1 - 1e-6), (target[:, 0] > 0).astype(int)
    return predictions, target


@pytest.mark.parametrize("metric", EXACT)
def test_weights_are_not_negative_sum_to_one_and_are_no_worse_than_equal_ones_or_a_member(metric):
    sign = -1 if metric in ("r2", "weighted_r2") else 1
    for seed in range(4):
        predictions, target = problem(seed, metric)
        found = nelder_mead(predictions, target, metric)
        assert (found.weights >= 0).all()
        assert found.weights.sum() == pytest.approx(1)
        alone = [nelder_mead(predictions[[member]], target, metric).score for member in range(len(predictions))]
        equal = nelder_mead(predictions, target, metric, max_evaluations=1).score
        assert sign * found.score <= min(sign * each for each in [*alone, equal]) + 1e-6


@pytest.mark.parametrize("metric", EXACT)
def test_a_climb_is_at_least_as_good_in_every_bin(metric):
    for seed in range(6):
        predictions, target = problem(seed, metric)
        bins = np.arange(len(target)) % 3 == 0
        for rows in (bins, ~bins):
            simplex = nelder_mead(predictions[:, rows], target[rows], metric).score
            climb = hill_climb(predictions[:, rows], target[rows], metric).score
            behind = simplex - climb if metric in ("r2", "weighted_r2") else climb - simplex
            assert behind <= 1e-8 * abs(simplex)


@pytest.mark.skipif(native is None, reason="nothing was compiled")
@pytest.mark.parametrize("metric", [*EXACT, "accuracy"])
def test_the_engine_finds_what_the_reference_finds(metric, monkeypatch):
    predictions, target = problem(3, metric)
    if metric == "accuracy":
        predictions, target = problem(3, "logloss")
    compiled = nelder_mead(predictions, target, metric)
    monkeypatch.setattr("ctk.blend.tasks.engine", reference)
    plain = nelder_mead(predictions, target, metric)
    assert compiled.score == pytest.approx(plain.score, rel=1e-6)


@pytest.mark.skipif(native is None, reason="nothing was compiled")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kinks_that_are_left_out_of_a_small_neighbourhood_change_neither_score_nor_weights(dtype):
    random = np.random.default_rng(5)
    target = random.standard_normal((40_003, 1))  # so many that a search looks at some of them first
    errors = 0.3 * random.standard_normal((40_003, 1)) + random.standard_normal((6, 40_003, 1))
    predictions, target = (target + errors * np.linspace(0.4, 1, 6)[:, None, None]).astype(dtype), target.astype(dtype)
    found = nelder_mead(predictions, target, "mae")
    plain = np.abs(np.einsum("mnt,m->nt", predictions.astype(np.float64), found.weights) - target).mean()
    assert found.score == pytest.approx(plain, rel=1e-6)
    assert found.score == pytest.approx(hill_climb(predictions, target, "mae").score, rel=1e-6)
    assert [start.score for start in found.trace][-1] == pytest.approx(found.score, rel=1e-6)


def test_groups_of_rows_have_weights_of_their_own_and_each_start_is_told():
    predictions, target = problem(1, "mae")
    groups = np.arange(len(target)) % 2
    found = nelder_mead(predictions, target, "mae", groups=groups)
    assert found.weights.shape == (2, len(predictions))
    assert {start.cell for start in found.trace} == {(0, 0), (1, 0)}
    assert found.score == pytest.approx(np.abs(found.apply(list(predictions), groups) - target).mean())


def test_any_callable_is_searched_by():
    predictions, target = problem(2, "mae")
    by_name = nelder_mead(predictions, target, "mae").score
    by_call = nelder_mead(predictions, target, lambda y, x: -float(np.abs(y - x).mean())).score
    assert -by_call == pytest.approx(by_name, rel=1e-6)


@pytest.mark.parametrize("option", [{"tolerance": -1}, {"max_evaluations": 0}, {"time_limit": 0}])
def test_options_that_make_no_sense_are_refused(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        nelder_mead(*problem(0, "mae"), "mae", **option)
