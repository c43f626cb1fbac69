"""CatBoost as a member: the library's own trees, on categories and missing values, saved in its own format."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import catboost
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ctk.components.metrics import AUC, LOGLOSS, MAE
from ctk.contract import FitContext
from ctk.contract.schema import validate_config
from ctk.errors import CtkError, DamagedError, UsageError
from ctk.samples import Samples
from ctk_catboost.model import CatBoost, CatBoostTraining

ROWS = 400


def table(rows: int = ROWS) -> Samples:
    """Numbers of which some are missing, a category that decides the sign, and two targets."""
    random = np.random.default_rng(0)
    x = random.standard_normal((rows, 4)).astype(np.float32)
    gear = random.choice(["drive", "park", "reverse"], rows)
    sign = np.where(gear == "reverse", -1, 1)
    target = np.column_stack([sign * (3 + np.sin(3 * x[:, 0])), x[:, 1] + x[:, 2]])
    x[random.random((rows, 4)) < 0.1] = np.nan
    return Samples(np.arange(rows), {"x": x, "gear": gear}, target.astype(np.float32))


ALL = table()
TRAIN, VALID = ALL.take(np.arange(300)), ALL.take(np.arange(300, ROWS))


def fit(folder: Path, train: Samples = TRAIN, valid: Samples = VALID, metric=MAE, context=(), **keys) -> CatBoost:
    model = CatBoost()
    keys = {"rounds": 40, "patience": 5, "learning_rate": 0.3, "depth": 4, **keys}
    model.training = validate_config(CatBoostTraining, keys, "member")
    model.fit(train, valid, FitContext(folder, 1, metric, device="cpu", **dict(context)))
    return model


def one_hot(samples: Samples) -> Samples:
    return replace(samples, target=np.eye(3, dtype=np.float32)[np.digitize(samples.target[:, 1], [-0.7, 0.7])])


def test_predictions_are_those_of_the_library_on_the_same_table(tmp_path):
    model = fit(tmp_path)
    frames = []
    for each in (TRAIN, VALID):
        frame = pd.DataFrame({str(number): each.features["x"][:, number] for number in range(4)})
        gears = each.features["gear"]
        frames.append(frame.assign(gear=np.searchsorted(["drive", "park", "reverse"], gears)))
    for column in range(2):
        alone = catboost.CatBoostRegressor(
            iterations=40, learning_rate=0.3, depth=4, random_seed=1, thread_count=1, eval_metric="MAE",
            early_stopping_rounds=5, allow_writing_files=False, verbose=False,
        )  # fmt: skip
        alone.fit(
            frames[0], TRAIN.target[:, column], ["gear"], eval_set=(frames[1], VALID.target[:, column]),
            use_best_model=True,
        )  # fmt: skip
        assert_allclose(model.predict(VALID)[:, column], alone.predict(frames[1]), rtol=1e-4, atol=1e-5)


def test_a_category_that_was_not_seen_is_read_as_missing(tmp_path):
    model = fit(tmp_path)
    missing = replace(VALID, features={**VALID.features, "gear": np.full(len(VALID), "")})
    unseen = replace(VALID, features={**VALID.features, "gear": np.full(len(VALID), "neutral")})
    assert_array_equal(model.predict(unseen), model.predict(missing))
    assert np.abs(model.predict(missing) - model.predict(VALID)).max() > 1


def test_the_category_that_decides_is_worth_most(tmp_path):
    first = [replace(each, target=each.target[:, :1]) for each in (TRAIN, VALID)]
    importances = fit(tmp_path, *first).importances()
    assert max(importances, key=importances.__getitem__) == "gear"
    assert sum(importances.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("keys", "make", "metric"),
    [
        ({}, lambda samples: samples, MAE),
        ({"targets": "all"}, lambda samples: samples, MAE),
        ({}, one_hot, LOGLOSS),
        ({}, lambda samples: replace(samples, target=(samples.target[:, :1] > 0).astype(np.float32)), AUC),
        ({"targets": "all"}, lambda samples: replace(samples, target=(samples.target > 0).astype(np.float32)), AUC),
        (
            {"objective": "Poisson", "learning_rate": 0.05},
            lambda samples: replace(samples, target=np.exp(samples.target[:, :1])),
            MAE,
        ),
        ({"log": True}, lambda samples: replace(samples, target=np.exp(samples.target[:, :1])), MAE),
    ],
)
def test_what_is_saved_predicts_the_same_and_better_than_a_constant(tmp_path, keys, make, metric):
    train, valid = make(TRAIN), make(VALID)
    model = fit(tmp_path / "fit", train, valid, metric, **keys)
    model.save(tmp_path)
    other = CatBoost()
    other.load(tmp_path, ALL, "cpu")
    predicted = model.predict(valid)
    assert_array_equal(other.predict(valid), predicted)
    constant = np.repeat(train.target.mean(axis=0, keepdims=True), len(valid), axis=0)
    assert metric.merit(metric.score(predicted, valid)) > metric.merit(metric.score(constant, valid))


def test_a_class_that_a_fold_lacks_has_a_column_all_the_same(tmp_path):
    train = one_hot(TRAIN)
    some = train.take(np.flatnonzero(train.target[:, 1] == 0))
    predicted = fit(tmp_path, some, one_hot(VALID), LOGLOSS, rounds=5).predict(VALID)
    assert predicted.shape == (100, 3)
    assert_allclose(predicted.sum(axis=1), 1, rtol=1e-5)


def test_rounds_are_told_and_what_is_raised_meanwhile_ends_the_fit(tmp_path):
    told: list[int] = []
    fit(tmp_path / "a", rounds=6, context={"progress": lambda done, total, scores: told.append(done)})
    assert sorted(set(told)) == list(range(1, 13))

    def stop(done, total, scores):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "b", context={"progress": stop})
    assert not list((tmp_path / "b").glob("booster-*"))


def test_a_booster_that_was_cut_short_is_told_by_its_file_and_fitted_anew(tmp_path):
    first = fit(tmp_path).predict(VALID)
    path = tmp_path / "booster-0001.cbm"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DamagedError, match=r"booster-0001\.cbm: is no booster of CatBoost"):
        CatBoost().load(tmp_path, ALL, "cpu")
    assert_array_equal(fit(tmp_path).predict(VALID), first)


def test_what_the_library_refuses_is_one_sentence(tmp_path, capfd):
    with pytest.raises(CtkError, match=r"^CatBoost: .*foo"):
        fit(tmp_path, objective="foo")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("l2_leaf_rge", "unknown key 'l2_leaf_rge'.\nDid you mean 'l2_leaf_reg'?"),
        ("eta", "'eta' is not set here: use the key learning_rate"),
        ("n_estimators", "'n_estimators' is not set here: use the key rounds"),
    ],
)
def test_params_are_those_the_library_knows(name, message):
    with pytest.raises(UsageError) as error:
        validate_config(CatBoostTraining, {"params": {name: 1}}, "member")
    assert message in str(error.value)


def test_no_reserved_parameter_is_unknown_to_the_library():
    named = set(inspect.signature(catboost.CatBoostClassifier.__init__).parameters)
    assert {"thread_count", "cat_features", "allow_writing_files"} <= named & CatBoostTraining.reserved_params().keys()
