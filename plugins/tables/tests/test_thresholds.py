"""Thresholds are the best there are: compared with every threshold, and every set of cuts, of small tables."""

import itertools

import numpy as np
import pytest
from sklearn import metrics as sk

from ctk.contract import Metric
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk_tables.metrics import find
from ctk_tables.thresholds import apply_thresholds, default_thresholds, fit_thresholds

ONES = {
    "f1": sk.f1_score,
    "mcc": sk.matthews_corrcoef,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "cohen_kappa": sk.cohen_kappa_score,
    "accuracy": sk.accuracy_score,
    "jaccard": sk.jaccard_score,
    "f1_macro": lambda y, x: sk.f1_score(y, x, average="macro"),
}


def ones(rows=60, columns=1, seed=0):
    random = np.random.default_rng(seed)
    target = (random.random((rows, columns)) < 0.25).astype(np.float32)
    found = np.clip(0.2 + 0.2 * target + random.normal(0, 0.15, target.shape), 0, 1)
    return np.round(found, 2).astype(np.float32), target


def levels(rows=40, count=4, seed=0):
    random = np.random.default_rng(seed)
    target = random.integers(0, count, (rows, 1)).astype(np.float32)
    return (0.5 * target + 0.8 + random.normal(0, 0.4, target.shape)).astype(np.float32), target


def classes(rows=300, count=4, seed=0):
    random = np.random.default_rng(seed)
    truth = random.choice(count, rows, p=[0.7, 0.15, 0.1, 0.05])
    made = np.exp(1.2 * np.eye(count)[truth] + random.normal(size=(rows, count)) + [2, 0, 0, 0])
    return (made / made.sum(1, keepdims=True)).astype(np.float32), np.eye(count, dtype=np.float32)[truth]


def score(name, labels, target):
    return find(name).score(labels, Samples(ids=np.arange(len(target)), features={}, target=target))


@pytest.mark.parametrize("name", ONES)
@pytest.mark.parametrize("seed", range(5))
def test_a_threshold_is_the_best_of_all(name, seed):
    found, target = ones(seed=seed)
    (threshold,) = fit_thresholds(found, target, name, "binary")
    reached = ONES[name](target, apply_thresholds(found, [threshold], "binary"))
    best = max(ONES[name](target, found > each) for each in [-1, *np.unique(found)])
    assert reached == pytest.approx(best)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [2, 3, 4])
def test_cuts_by_quadratic_kappa_are_the_best_of_all(seed, count):
    found, target = levels(11, count, seed)
    cuts = fit_thresholds(found, target, "quadratic_kappa", "ordinal", classes=count)
    assert cuts == sorted(cuts)
    assert len(cuts) == count - 1

    def kappa(cuts):
        labels = np.searchsorted(cuts, found[:, 0])
        return sk.cohen_kappa_score(target[:, 0], labels, weights="quadratic", labels=range(count))

    number = np.sort(found[:, 0])
    places = [number[0] - 1, *(number[1:] + number[:-1]) / 2, number[-1] + 1]
    best = np.nanmax([kappa(each) for each in itertools.combinations_with_replacement(places, count - 1)])
    assert kappa(cuts) == pytest.approx(best)


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "balanced_accuracy", "mcc"])
def test_cuts_by_other_metrics_gain(name):
    found, target = levels(300)
    cuts = fit_thresholds(found, target, name, "ordinal")
    assert cuts == sorted(cuts)
    halves = apply_thresholds(found, default_thresholds("ordinal", 4), "ordinal")
    plain = {"accuracy": sk.accuracy_score, "mcc": sk.matthews_corrcoef}.get(name)
    plain = plain or (lambda y, x: score(name, x, y))
    assert plain(target, apply_thresholds(found, cuts, "ordinal")) > plain(target, halves)


@pytest.mark.parametrize("name", ["f1_macro", "balanced_accuracy", "mcc", "cohen_kappa", "quadratic_kappa"])
def test_weights_of_classes_gain_and_no_single_one_could_be_better(name):
    found, target = classes()
    weights = fit_thresholds(found, target, name, "classes")
    reached = score(name, apply_thresholds(found, weights, "classes"), target)
    assert reached > score(name, found, target) + 0.02
    for place, factor in itertools.product(range(1, 4), np.geomspace(0.1, 10, 41)):
        other = [each * (factor if number == place else 1) for number, each in enumerate(weights)]
        assert score(name, apply_thresholds(found, other, "classes"), target) <= reached + 1e-6


@pytest.mark.parametrize("name", ["f1", "f1_macro", "f1_micro", "jaccard_weighted"])
def test_columns_have_thresholds_of_their_own(name):
    found, target = ones(200, 3)
    thresholds = fit_thresholds(found, target, name, "binary")
    labels = apply_thresholds(found, thresholds, "binary")
    assert labels.shape == target.shape
    assert len(set(thresholds)) == 3
    if name in ("f1", "f1_macro"):
        best = np.mean(
            [max(sk.f1_score(y, x > t) for t in np.unique(x)) for x, y in zip(found.T, target.T, strict=True)]
        )
        assert score(name, labels, target) == pytest.approx(best)
    else:
        one = max(score(name, found > each, target) for each in np.unique(found))
        assert score(name, labels, target) > one


@pytest.mark.parametrize("task", ["binary", "classes", "ordinal"])
def test_labels_are_of_the_targets_shape_and_score_as_what_was_found(task):
    found, target = {"binary": ones, "classes": classes, "ordinal": levels}[task]()
    count = target.shape[1] if task != "ordinal" else 4
    labels = apply_thresholds(found, default_thresholds(task, count), task)
    assert labels.shape == target.shape
    assert labels.dtype == np.float32
    assert score("mcc", labels, target) == pytest.approx(score("mcc", found, target))


def test_a_metric_of_ones_own_is_tried_at_quantiles():
    found, target = ones()
    own = Metric("own", "min", lambda prediction, samples: -sk.f1_score(samples.target, prediction))
    (threshold,) = fit_thresholds(found, target, own, "binary")
    assert sk.f1_score(target, found > threshold) == pytest.approx(max(sk.f1_score(target, found > t) for t in found))
    found, target = classes()
    own = Metric("own", "max", lambda prediction, samples: score("f1_macro", prediction, samples.target))
    weights = fit_thresholds(found, target, own, "classes")
    assert score("f1_macro", apply_thresholds(found, weights, "classes"), target) > score("f1_macro", found, target)
    found, target = levels()
    own = Metric("own", "max", lambda prediction, samples: score("quadratic_kappa", prediction, samples.target))
    cuts = fit_thresholds(found, target, own, "ordinal")
    assert cuts == sorted(cuts)
    exact = apply_thresholds(found, fit_thresholds(found, target, "quadratic_kappa", "ordinal"), "ordinal")
    reached = score("quadratic_kappa", apply_thresholds(found, cuts, "ordinal"), target)
    assert score("quadratic_kappa", found, target) < reached <= score("quadratic_kappa", exact, target)


@pytest.mark.parametrize("task", ["binary", "classes", "ordinal"])
@pytest.mark.parametrize("name", ["quadratic_kappa", "f1_macro", "accuracy"])
@pytest.mark.parametrize("what", ["one row", "one class", "constant prediction"])
def test_poor_rows_leave_some_thresholds(task, name, what):
    found, target = {"binary": ones, "classes": classes, "ordinal": levels}[task]()
    if what == "one row":
        found, target = found[:1], target[:1]
    elif what == "one class":
        target = np.repeat(target[:1], len(target), axis=0)
    else:
        found = found * 0 + 0.25
    with np.errstate(all="raise", under="ignore"):
        thresholds = fit_thresholds(found, target, name, task, classes=4)
    assert np.isfinite(thresholds).all()
    assert apply_thresholds(found, thresholds, task).shape == target.shape


def test_nothing_is_drawn():
    found, target = classes()
    assert fit_thresholds(found, target, "mcc", "classes") == fit_thresholds(found, target, "mcc", "classes")


def test_what_makes_no_sense_is_told():
    found, target = ones()
    with pytest.raises(UsageError, match="a regression has no labels"):
        fit_thresholds(found, target, "f1", "regression")
    with pytest.raises(UsageError, match="auc is not of labels"):
        fit_thresholds(found, target, "auc", "binary")
    with pytest.raises(UsageError, match="shape"):
        fit_thresholds(found[1:], target, "f1", "binary")
    with pytest.raises(UsageError, match="finite number"):
        fit_thresholds(found * np.nan, target, "f1", "binary")
    with pytest.raises(UsageError, match="2 thresholds for 1 columns"):
        apply_thresholds(found, [0.1, 0.2], "binary")
