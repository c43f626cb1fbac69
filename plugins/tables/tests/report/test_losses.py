"""Losses are those of scikit-learn, row by row in the mean."""

import numpy as np
import pytest
from sklearn import metrics

from ctk_tables.report.losses import losses_of


@pytest.fixture
def described(run):
    def make(**facts):
        return run({"a": np.zeros(2)}, {"a": np.zeros(2)}, np.zeros((2, 1)), None, **facts).description

    return make


def test_numbers_by_the_metric(described, dice):
    truth, ours = dice.random((50, 1)) * 9, dice.random((50, 1)) * 9
    squared = losses_of(ours, truth, described(metric="rmse"))
    assert squared.shown(squared.rows.mean()) == pytest.approx(metrics.root_mean_squared_error(truth, ours))
    logged = losses_of(ours, truth, described(metric="rmsle"))
    assert logged.shown(logged.rows.mean()) == pytest.approx(metrics.root_mean_squared_log_error(truth, ours))
    parts = losses_of(ours, truth, described(metric="mape"))
    assert parts.shown(parts.rows.mean()) == pytest.approx(metrics.mean_absolute_percentage_error(truth, ours))
    plain = losses_of(ours[:, 0], truth, described(metric="mae"))
    assert plain.shown(plain.rows.mean()) == pytest.approx(metrics.mean_absolute_error(truth, ours))


def test_several_targets_weigh_alike(described, dice):
    truth = dice.normal(size=(50, 2)) * [1, 1_000]
    ours = truth + truth.std(axis=0) * [0.5, 0.5]
    assert losses_of(ours, truth, described(targets=("y", "z"), metric="mae")).rows == pytest.approx(np.full(50, 0.5))


def test_probabilities_labels_and_orders(described, dice):
    truth = dice.integers(0, 3, 60)
    ours = dice.dirichlet([1, 1, 1], 60)
    hot = np.eye(3)[truth]
    classes = described(task="classes", metric="log_loss", classes=("a", "b", "c"), submits="probabilities")
    assert losses_of(ours, hot, classes).rows.mean() == pytest.approx(metrics.log_loss(truth, ours))
    labels = losses_of(ours, hot, classes.model_copy(update={"submits": "labels"}))
    assert labels.rows.mean() == pytest.approx(1 - metrics.accuracy_score(truth, ours.argmax(axis=1)))
    assert labels.counted
    binary = described(task="binary", metric="auc", classes=("n", "y"), submits="probabilities")
    two = (truth > 0).astype(int)
    assert losses_of(ours[:, :1], two[:, None], binary).rows.mean() == pytest.approx(metrics.log_loss(two, ours[:, 0]))
    ranks = losses_of(ours[:, :1] * 40 - 20, two[:, None], binary)  # no probabilities: labels by a half
    assert ranks.rows.mean() == pytest.approx(np.mean((ours[:, 0] * 40 - 20 >= 0.5) != two))
    ordinal = described(task="ordinal", metric="quadratic_kappa", classes=("a", "b", "c"))
    assert losses_of(ours[:, :1], truth[:, None], ordinal).rows == pytest.approx(np.abs(ours[:, 0] - truth))
