"""Metrics of labels: counts score as scikit-learn does, and a step takes the best share of the whole line."""

import numpy as np
import pytest
from sklearn import metrics as sk

from ctk.blend import (
    LABEL_SCORES,
    Crossings,
    LabelCounts,
    cross_validated_score,
    hill_climb,
    label_steps,
    labels_of,
    nelder_mead,
    score_labels,
    sweep,
)
from ctk.blend.label_steps import LabelSteps

PLAIN = {
    "balanced_accuracy": sk.balanced_accuracy_score,
    "cohen_kappa": sk.cohen_kappa_score,
    "quadratic_kappa": lambda y, x: sk.cohen_kappa_score(y, x, weights="quadratic"),
    "mcc": sk.matthews_corrcoef,
    "f1_macro": lambda y, x: sk.f1_score(y, x, average="macro"),
    "f1_weighted": lambda y, x: sk.f1_score(y, x, average="weighted"),
    "precision_macro": lambda y, x: sk.precision_score(y, x, average="macro", zero_division=0),
    "jaccard_micro": lambda y, x: sk.jaccard_score(y, x, average="micro"),
}


def ones(rows=200, members=3, seed=0):
    random = np.random.default_rng(seed)
    target = (random.random(rows) < 0.3).astype(int)
    spread = np.linspace(0.25, 0.5, members)[:, None]
    return np.clip(0.3 + 0.3 * target + spread * random.normal(size=(members, rows)), 0, 1), target


def levels(rows=200, members=3, seed=0):
    random = np.random.default_rng(seed)
    target = random.integers(0, 4, rows)
    spread = np.linspace(0.4, 0.9, members)[:, None]
    return 0.7 * target + 0.5 + spread * random.normal(size=(members, rows)), target


def classes(rows=200, members=3, count=4, seed=0):
    random = np.random.default_rng(seed)
    target = random.integers(0, count, rows)
    made = np.exp(1.5 * np.eye(count)[target] + random.normal(size=(members, rows, count)))
    return made / made.sum(-1, keepdims=True), target


def columns(rows=150, members=3, seed=0):
    random = np.random.default_rng(seed)
    target = (random.random((rows, 3)) < [0.2, 0.4, 0.6]).astype(int)
    return np.clip(0.3 + 0.3 * target + 0.3 * random.normal(size=(members, rows, 3)), 0, 1), target


CASES = {"ones": ones, "levels": levels, "classes": classes, "columns": columns}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("case", ["ones", "levels", "classes"])
def test_counts_score_as_scikit_learn_does(name, case):
    members, target = CASES[case]()
    labels, _ = labels_of(members[0], target)
    assert score_labels(name, members[0], target) == pytest.approx(PLAIN[name](target, labels))


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_is_the_best_of_its_whole_line(name, case, dtype):
    members, target = CASES[case]()
    members = members.astype(dtype).astype(np.float64)
    steps = LabelSteps(name, members, target)
    steps.blend(np.array([1.0, 0, 0]))
    for member in (1, 2):
        loss, found, share = steps.search([member], -0.5, 0.5)
        tried = [
            score_labels(name, members[0] + each * (members[member] - members[0]), target)
            for each in np.linspace(-0.5, 0.5, 301)
        ]
        blend = members[0] + share * (members[member] - members[0])
        assert found == member
        assert 1 - loss == pytest.approx(score_labels(name, blend, target))
        assert 1 - loss >= max(tried) - 1e-12


@pytest.mark.parametrize("name", LABEL_SCORES)
def test_a_climb_ends_no_worse_than_its_best_member_with_the_score_it_says(name):
    members, target = ones()
    found = hill_climb(members, target, name)
    blend = np.tensordot(found.weights, members, axes=1)
    assert found.score == pytest.approx(score_labels(name, blend, target))
    assert found.score >= max(score_labels(name, each, target) for each in members)
    assert found.trace[-1].score == pytest.approx(found.score)
    assert found.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("case", CASES)
def test_other_searches_know_these_metrics_too(case):
    members, target = CASES[case]()
    best = max(score_labels("f1_macro", each, target) for each in members)
    assert nelder_mead(members, target, "f1_macro").score >= best
    assert 0 < cross_validated_score(members, target, "f1_macro", folds=3).score <= 1


def test_groups_of_rows_have_weights_of_their_own():
    members, target = ones()
    found = hill_climb(members, target, "f1", groups=np.arange(len(target)) % 2)
    assert found.weights.shape == (2, 3)


def test_one_column_is_read_as_such():
    members, target = levels()
    wide = hill_climb(members[:, :, None], target[:, None].astype(np.float32), "quadratic_kappa")
    assert wide.score == hill_climb(members, target, "quadratic_kappa").score


def test_many_crossings_are_thinned_to_stretches_that_are_still_right(monkeypatch):
    members, target = ones(5000)
    exact = hill_climb(members, target, "f1", max_rounds=2).score
    monkeypatch.setattr(label_steps, "MOST", 200)
    thinned = hill_climb(members, target, "f1", max_rounds=2)
    blend = np.tensordot(thinned.weights, members, axes=1)
    assert thinned.score == pytest.approx(score_labels("f1", blend, target))
    assert exact - 0.01 < thinned.score <= exact


def test_a_sweep_without_crossings_is_one_stretch():
    none = np.zeros(0, np.int64)
    counts = LabelCounts.of(np.array([0, 1]), np.array([0, 0]), 2)
    scores, ends = sweep("accuracy", counts, Crossings(np.zeros(0), none, none, none))
    assert scores.tolist() == [0.5]
    assert ends.tolist() == [-np.inf, np.inf]


def test_ties_cross_together():
    ones_ = np.ones(3, np.int64)
    counts = LabelCounts.of(ones_, np.array([1, 0, 0]), 2)
    scores, ends = sweep("accuracy", counts, Crossings(np.array([2.0, 1, 1]), ones_, ones_ * 0, np.array([1, 0, 0])))
    assert scores.tolist() == pytest.approx([1 / 3, 1, 2 / 3])
    assert ends.tolist() == [-np.inf, 1, 2, np.inf]


@pytest.mark.parametrize(
    ("members", "target", "name", "told"),
    [
        ([[0.2, 0.7]], [0, 1.5], "f1", "is no class"),
        ([[0.2, 0.7]], [0, -1], "f1_macro", "is no class"),
        ([[0.2, np.nan]], [0, 1], "f1", "row 1"),
        ([[0.2, 0.7, 3]], [0, 1, 2], "f1", "it is of two labels, and there are 3"),
    ],
)
def test_nonsense_is_told(members, target, name, told):
    with pytest.raises(ValueError, match=told):
        hill_climb(np.array(members), np.array(target), name)
