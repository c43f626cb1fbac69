"""The model linear: what scikit-learn's own pipelines come to, on tables with gaps and categories."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plugins.tables.tests.tiny_tables import METRICS, make_samples
from sklearn.linear_model import Ridge

from ctk.api import metric_of
from ctk.contract import FitContext
from ctk.errors import DamagedError, UsageError
from ctk.samples import Samples
from ctk_tables.models.design import Design
from ctk_tables.models.linear import ALPHAS, Linear

WITHOUT = ["said of it"]


def fitted(folder, train: Samples, valid: Samples, metric: str = "rmse", **options) -> Linear:
    model = Linear(**{"without": WITHOUT if "said of it" in train.features else [], **options})
    model.fit(train, valid, FitContext(folder, 1, metric_of(metric), device="cpu"))
    return model


@pytest.mark.parametrize("task", METRICS)
def test_every_task_is_told_better_than_by_a_constant_and_the_same_when_loaded(tmp_path, task):
    train, test = make_samples(task)
    model, metric = fitted(tmp_path, train, test, METRICS[task]), metric_of(METRICS[task])
    predicted = model.predict(test)
    constant = np.repeat(train.target.mean(axis=0, keepdims=True), len(test), axis=0)
    assert metric.merit(metric.score(predicted, test)) > metric.merit(metric.score(constant, test))
    if task == "classes":
        assert_allclose(predicted.sum(axis=1), 1, rtol=1e-5)
    model.save(tmp_path)
    other = Linear()
    other.load(tmp_path, test)
    assert_array_equal(other.predict(test), predicted)
    assert set(model.importances()) <= {"size", "part", "owner", "sold/month", "sold/days"}


def test_a_missing_number_is_the_median_with_a_column_that_says_so_and_rare_categories_share_one():
    matrix = np.array([[1, 0], [3, 0], [np.nan, 1], [5, 2], [7, np.nan]], np.float32)
    design = Design.of(matrix, [1], rare=2, most=5)
    made = design.apply(np.array([[np.nan, 0], [4, 2], [4, np.nan]], np.float32))
    scaled, _, gap, own, rest = made.T
    assert_allclose(scaled, 0, atol=1e-12)  # 4 is the median, and the mean as well
    assert_array_equal(gap, [1, 0, 0])
    assert_array_equal(own, [1, 0, 0])
    assert_array_equal(rest, [0, 1, 1])


def test_a_sparse_design_is_the_dense_one(monkeypatch):
    random = np.random.default_rng(0)
    codes = random.integers(0, 40, (300, 2)).astype(np.float32)
    codes[random.random((300, 2)) < 0.2] = np.nan
    matrix = np.column_stack([random.standard_normal(300), codes])
    design = Design.of(matrix, [1, 2], rare=6, most=12)
    dense = design.apply(matrix)
    monkeypatch.setattr("ctk_tables.models.design.DENSE", 0)
    assert_array_equal(design.apply(matrix).toarray(), dense)
    assert dense.shape[1] == len(design.columns())


def test_each_target_has_the_penalty_with_the_least_squared_error(tmp_path):
    random = np.random.default_rng(1)
    x = random.standard_normal((200, 30)).astype(np.float32)
    target = np.column_stack([x[:, 0] * 5, random.standard_normal(200)]).astype(np.float32)
    samples = Samples(np.arange(200), {"x": x}, target)
    train, valid = samples.take(np.arange(120)), samples.take(np.arange(120, 200))
    model = fitted(tmp_path, train, valid)
    design = [model.design.apply(model.table.matrix(each)) for each in (train, valid)]
    errors = [
        np.square(Ridge(alpha).fit(design[0], train.target).predict(design[1]) - valid.target).sum(axis=0)
        for alpha in ALPHAS
    ]
    reached = np.square(model._predict(design[1]) - valid.target).sum(axis=0)
    assert_allclose(reached, np.min(errors, axis=0), rtol=1e-4)


def test_a_class_that_no_training_row_has_is_unlikely_and_one_class_alone_is_certain(tmp_path):
    train, test = make_samples("classes")
    two = train.take(np.flatnonzero(train.target[:, 1] == 0))
    predicted = fitted(tmp_path, two, test).predict(test)
    assert predicted[:, 1].max() < 1e-3
    one = train.take(np.flatnonzero(train.target[:, 1] == 1))
    assert (fitted(tmp_path, one, test).predict(test).argmax(axis=1) == 1).all()


def test_logarithms_are_learned_of_amounts_and_refused_of_others(tmp_path):
    train, test = make_samples("regression")
    amounts = [replace(each, target=np.exp(each.target * 2)) for each in (train, test)]
    metric = metric_of("rmsle")
    scores = [
        metric.score(fitted(tmp_path, *amounts, log=log).predict(amounts[1]), amounts[1]) for log in (True, False)
    ]
    assert scores[0] < scores[1]
    with pytest.raises(UsageError, match=r"linear learns log\(1 \+ y\), and there is a target of -"):
        fitted(tmp_path, train, test, log=True)


def test_weights_that_do_not_fit_the_table_are_told(tmp_path):
    train, test = make_samples("regression")
    fitted(tmp_path, train, test).save(tmp_path)
    arrays = dict(np.load(tmp_path / "linear.npz"))
    np.savez(tmp_path / "linear.npz", **{**arrays, "weights": arrays["weights"][1:]})
    with pytest.raises(DamagedError, match="weights and design do not go together"):
        Linear().load(tmp_path, test)
