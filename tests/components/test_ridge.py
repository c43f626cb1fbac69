"""Ridge regression is the same whether rows come at once or in blocks, and is no straw man."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge as TheirRidge
from sklearn.preprocessing import StandardScaler

from ctk.components import ridge
from ctk.components.ridge import Ridge, solve_ridge
from ctk.contract import Choice, FitContext, Metric
from ctk.errors import UsageError
from ctk.plugins import plugins
from ctk.plugins.component_options import resolve_choice
from ctk.samples import Samples, Targets

METRIC = Metric("error", "min", lambda prediction, samples: float(np.square(prediction - samples.target).mean()))


def table(rows: int, seed: int = 0, features: int = 5) -> Samples:
    """Features of very different sizes and means, two targets linear in them but for noise."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, features)) * 10.0 ** np.arange(-4, features - 4) + 10.0 ** np.arange(features)
    y = (x - 10.0 ** np.arange(features)) @ random.standard_normal((features, 2)) + random.standard_normal((rows, 2))
    return Samples(ids=np.arange(rows), features={"x": x, "other": random.standard_normal((rows, 2, 2))}, target=y)


def fitted(model: Ridge, train: Samples, valid: Samples | None = None) -> Ridge:
    said.clear()
    context = FitContext(
        Path(), 0, METRIC, progress=lambda done, total, scores: said.append((done, total, dict(scores)))
    )
    model.fit(train, train.take(np.arange(0)) if valid is None else valid, context)
    return model


said: list[tuple[int, int, dict[str, float]]] = []


@settings(deadline=None, max_examples=20)
@given(rows=st.integers(8, 60), block=st.integers(1, 70), standardise=st.booleans())
def test_rows_in_blocks_give_what_all_at_once_give(rows, block, standardise):
    samples = table(rows)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ridge, "ROWS", rows)
        whole = fitted(Ridge(alpha=0.5, standardise=standardise), samples).predict(samples)
        patched.setattr(ridge, "ROWS", block)
        parts = fitted(Ridge(alpha=0.5, standardise=standardise), samples).predict(samples)
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-5)


def test_means_far_larger_than_deviations_cost_no_digits(monkeypatch):
    monkeypatch.setattr(ridge, "ROWS", 7)
    samples = table(100, features=9)  # the last feature: a mean of 1e8
    x, y = samples.features["x"], samples.target
    model = fitted(Ridge(alpha=1.0, standardise=True, features=["x"]), samples)
    scaled = StandardScaler().fit_transform(x - 10.0 ** np.arange(9))
    expected = TheirRidge(alpha=1.0, solver="cholesky").fit(scaled, y).predict(scaled)
    np.testing.assert_allclose(model.predict(samples), expected, rtol=1e-4, atol=1e-4)


def test_a_constant_feature_is_left_out_whatever_rounding_makes_of_it():
    samples = table(50)
    samples.features["x"][:, 2] = 1e7 / 3
    model = fitted(Ridge(standardise=True), samples)
    assert (model.weights[2] == 0).all()
    assert np.isfinite(model.predict(samples)).all()
    assert (model.weights[[0, 1, 3]] != 0).all()


def test_of_several_penalties_the_best_on_the_validation_samples_is_taken():
    samples = table(90)
    train, valid = samples.take(np.arange(30)), samples.take(np.arange(30, 90))
    alphas = [1e-6, 1e-2, 1.0, 30.0, 1e6]
    model = fitted(Ridge(alpha=alphas, standardise=True), train, valid)
    scores = [
        METRIC.score(fitted(Ridge(alpha=alpha, standardise=True), train).predict(valid), valid) for alpha in alphas
    ]
    assert METRIC.score(model.predict(valid), valid) == min(scores)
    assert min(scores) < scores[-1]  # a metric that is better where it is less


def test_every_penalty_tried_is_told():
    fitted(Ridge(alpha=[1.0, 2.0, 3.0]), table(20), table(10, 1))
    assert [(done, total) for done, total, _ in said] == [(1, 3), (2, 3), (3, 3)]
    assert all("error" in scores for _, _, scores in said)


def test_columns_with_names_have_the_penalty_that_is_best_for_each():
    samples = table(90)
    samples = replace(samples, targets=Targets(np.array(["a", "b"]), np.array(["one", "two"])))
    samples.target[:, 0] = np.random.default_rng(3).standard_normal(90)  # nothing to learn: a large penalty is best
    train, valid = samples.take(np.arange(30)), samples.take(np.arange(30, 90))
    alphas = [1e-6, 1.0, 1e6]
    errors = [
        np.square(fitted(Ridge(alpha=alpha, standardise=True), train).predict(valid) - valid.target).mean(axis=0)
        for alpha in alphas
    ]
    chosen = fitted(Ridge(alpha=alphas, standardise=True), train, valid)
    np.testing.assert_allclose(
        np.square(chosen.predict(valid) - valid.target).mean(axis=0), np.min(errors, axis=0), rtol=1e-5
    )
    assert len(set(np.argmin(errors, axis=0).tolist())) == 2


def test_several_penalties_need_samples_to_choose_by():
    with pytest.raises(UsageError, match="no validation samples"):
        fitted(Ridge(alpha=[1.0, 2.0]), table(20))


def test_only_the_features_named_are_read_and_an_unknown_one_is_said():
    samples = table(20)
    assert len(fitted(Ridge(features=["other"]), samples).x_mean) == 4
    assert len(fitted(Ridge(), samples).x_mean) == 9
    with pytest.raises(UsageError, match=r"'othe'.*\n.*'other'"):
        fitted(Ridge(features=["othe"]), samples)


def test_a_saved_fit_predicts_the_same(tmp_path):
    samples = table(20)
    model = fitted(Ridge(standardise=True), samples)
    model.save(tmp_path)
    again = Ridge(standardise=True)
    again.load(tmp_path, samples)
    np.testing.assert_array_equal(again.predict(samples), model.predict(samples))


def test_one_block_is_the_textbooks_solution():
    random = np.random.default_rng(0)
    x, y = random.standard_normal((30, 4)), random.standard_normal((30, 2))
    weights, x_mean, y_mean = solve_ridge(x, y, 2.0)
    theirs = TheirRidge(alpha=2.0, solver="cholesky").fit(x, y)
    np.testing.assert_allclose(weights.T, theirs.coef_, rtol=1e-10)
    np.testing.assert_allclose(y_mean - x_mean @ weights, theirs.intercept_, rtol=1e-10)


@pytest.mark.parametrize("alpha", [0, -1.0, [], [1.0, 0.0], "much"])
def test_a_penalty_that_is_none_is_refused_by_the_config(alpha):
    with pytest.raises(UsageError, match="alpha"):
        resolve_choice(Choice(name="ridge", alpha=alpha), "models", "model", plugins())
