"""A blend of probabilities is one: no weight below zero, rows of classes stay rows, unless bounds are given."""

import warnings

import numpy as np
import pytest
from sklearn import metrics

from ctk.blend import cross_validated_score, hill_climb
from ctk.components.blenders import Greedy
from ctk.components.hill_climbs import HillClimb
from ctk.contract import Metric
from ctk.samples import Samples


def opposed(rows=400, classes=1):
    """A good member, its worse copy, which a climb would take out below nothing, and the target."""
    random = np.random.default_rng(3)
    target = random.integers(0, max(2, classes), rows)
    truth = np.eye(classes)[target] if classes > 1 else target[:, None]
    noise = random.standard_normal(truth.shape)
    logits = 2.0 * truth - 1 + 0.5 * noise + np.zeros((2, 1, 1))
    logits[1] += 1.2 * noise
    if classes > 1:
        odds = np.exp(logits)
        return odds / odds.sum(-1, keepdims=True), target
    return 1 / (1 + np.exp(-logits[..., 0])), target


@pytest.mark.parametrize("metric", ["logloss", "auc", metrics.log_loss, metrics.roc_auc_score])
def test_weights_of_probabilities_are_not_below_zero_unless_bounds_are_given(metric):
    predictions, target = opposed()
    assert hill_climb(predictions, target, metric).weights.tolist() == [1.0, 0.0]
    if metric != metrics.log_loss:  # which takes no 1.03
        assert hill_climb(predictions, target, metric, bounds=(-0.5, 0.5)).weights.min() < -0.05


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", ["logloss", "accuracy", metrics.log_loss])
def test_rows_of_class_probabilities_stay_rows_of_them(metric, dtype):
    predictions, target = opposed(classes=3)
    members = np.concatenate([predictions, predictions[:, :, ::-1]]).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scikit-learn warns of rows that do not sum to one
        found = hill_climb(members, target, metric)
        cross_validated_score(members, target, metric, folds=2)
    blend = found.apply(members)
    assert found.weights.min() >= 0
    assert blend.min() >= 0
    np.testing.assert_allclose(blend.sum(1), 1, rtol=1e-6)


def test_scikit_learns_losses_are_made_small_and_its_scores_large():
    predictions, target = opposed()
    assert hill_climb(predictions[::-1], target, metrics.brier_score_loss).weights.tolist() == [0.0, 1.0]
    assert hill_climb(predictions[::-1], target, metrics.average_precision_score).weights.tolist() == [0.0, 1.0]


def test_numbers_that_are_no_probabilities_may_be_taken_out_below_nothing():
    predictions, target = opposed()
    assert hill_climb(10 * predictions, target, "auc").weights.min() < 0
    assert hill_climb(predictions, predictions[0] - 0.2 * predictions[1], "mse").weights.min() < 0


def brier(prediction, samples):
    return float(np.square(prediction - samples.target).mean())


@pytest.mark.parametrize(
    "metric",
    [
        Metric("brier", "min", brier, climb="mse", predicts="probabilities"),
        Metric("own", "min", brier),
        Metric("log loss", "min", lambda blend, samples: metrics.log_loss(samples.target, blend.clip(0, 1)), "logloss"),
    ],
    ids=lambda metric: metric.name,
)
def test_a_runs_blend_of_probabilities_is_one_by_the_metrics_word_or_by_what_it_climbs(metric):
    predictions, target = opposed()
    oof = {"bad": predictions[1, :, None], "good": predictions[0, :, None]}
    samples = Samples(np.arange(len(target)), {}, target[:, None].astype(float))
    for blender in (HillClimb(), Greedy()):
        blend = blender.fit(oof, samples, metric)
        assert min(blend.weights.values()) >= 0
        assert sum(blend.weights.values()) == pytest.approx(1)
        assert 0 <= blend.apply(oof).min() <= blend.apply(oof).max() <= 1
    if metric.climb:
        assert not Greedy().fit(oof, samples, metric).normalise
        assert min(HillClimb(low=-0.5).fit(oof, samples, metric).weights.values()) < 0
