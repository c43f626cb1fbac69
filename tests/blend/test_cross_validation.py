"""An out-of-fold score is of rows that the weights have not seen."""

import numpy as np
import pytest
from sklearn import metrics as sk

from ctk.blend import cross_validated_score, hill_climb


def noise(members=20, rows=60, seed=0):
    generator = np.random.default_rng(seed)
    return generator.standard_normal((members, rows)), generator.standard_normal(rows)


def test_each_fold_is_blended_by_weights_found_without_it():
    predictions, target = noise(4, 50)
    found = cross_validated_score(predictions, target, "mse", folds=5, seed=3)
    blended = np.zeros(50)
    for fold in range(5):
        held_out = found.fold_of_row == fold
        weights = hill_climb(predictions[:, ~held_out], target[~held_out], "mse", seed=3).weights
        assert found.weights[fold] == pytest.approx(weights)
        blended[held_out] = weights @ predictions[:, held_out]
        assert found.fold_scores[fold] == pytest.approx(((blended - target)[held_out] ** 2).mean())
    assert found.score == pytest.approx(sk.mean_squared_error(target, blended))


def test_members_of_noise_look_good_to_the_climb_and_bad_out_of_fold():
    predictions, target = noise()
    assert hill_climb(predictions, target, "r2").score > 0.2
    assert cross_validated_score(predictions, target, "r2").score < 0


@pytest.mark.parametrize("metric", ["rmse", "weighted_r2", "mae", "smooth_l1", "logloss", "accuracy", "auc"])
def test_every_metric_is_scored(metric):
    predictions, target = noise(5, 200)
    if metric in ("logloss", "accuracy", "auc"):
        predictions, target = 1 / (1 + np.exp(-predictions - target)), (target > 0).astype(int)
    found = cross_validated_score(predictions, target, metric)
    assert np.isfinite(found.score)
    assert found.fold_scores.shape == (5,)


def test_rows_of_a_group_stay_in_one_fold_and_folds_are_alike_in_size():
    predictions, target = noise(3, 200)
    labels = np.random.default_rng(0).integers(0, 40, 200)
    folds = cross_validated_score(predictions, target, "mse", folds=4, split_groups=labels).fold_of_row
    assert all(len(set(folds[labels == label])) == 1 for label in set(labels.tolist()))
    assert np.ptp(np.bincount(folds)) <= 10


def test_weights_by_groups_of_rows_and_columns_are_applied_by_group():
    generator = np.random.default_rng(0)
    target = generator.standard_normal((120, 2))
    labels = np.arange(120) % 2
    predictions = np.stack([target + np.where(labels == group, 0.1, 5)[:, None] for group in (0, 1)])
    predictions += 0.01 * generator.standard_normal(predictions.shape)
    found = cross_validated_score(
        predictions, target, "mse", groups=labels, columns=[0, 1], column_weights=[1, 3], bounds=(0, 0.5)
    )
    assert found.weights.shape == (5, 2, 2, 2)
    assert found.score == pytest.approx(0.01, rel=0.1)


def test_several_classes_and_metrics_of_ones_own():
    generator = np.random.default_rng(0)
    target = generator.integers(0, 3, 90)
    predictions = generator.dirichlet(np.ones(3), (4, 90)) + 0.2 * np.eye(3)[target]

    def right(target, blend):
        return (blend.argmax(axis=1) == target).mean()

    by_name = cross_validated_score(predictions, target, "accuracy", folds=3)
    by_hand = cross_validated_score(predictions, target, right, folds=3)
    assert 0 < by_name.score <= 1
    assert 0 < by_hand.score <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "there must be 2"),
        ({"folds": 61}, "no more than those"),
        ({"split_groups": np.zeros(60)}, "there must be 2"),
        ({"split_groups": np.zeros(3)}, "one label for each"),
        ({"groups": np.arange(90) % 2}, "one label for each"),
        ({"groups": np.arange(60)}, "had no rows when the weights were found"),
    ],
)
def test_what_cannot_be_split_is_refused_in_words(options, message):
    with pytest.raises(ValueError, match=message):
        cross_validated_score(*noise(), "mse", **options)
