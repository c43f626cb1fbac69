"""XGBoost as a member: the library's own trees, on categories and missing values, saved in its own format."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xgboost
from numpy.testing import assert_allclose, assert_array_equal

from ctk.components.metrics import ACCURACY, LOGLOSS, MAE
from ctk.contract import FitContext
from ctk.contract.schema import validate_config
from ctk.errors import CtkError, UsageError
from ctk.samples import Samples
from ctk.testing import toy
from ctk.testing.distributions import lay
from ctk_xgboost.model import XGBoost, XGBoostTraining

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
KEYS = {"rounds": 40, "patience": 5, "learning_rate": 0.3, "depth": 3}


def fit(
    folder: Path, train: Samples = TRAIN, valid: Samples = VALID, seed: int = 1, metric=MAE, context=(), **keys
) -> XGBoost:
    model = XGBoost()
    model.training = validate_config(XGBoostTraining, {**KEYS, **keys}, "member")
    model.fit(train, valid, FitContext(folder, seed, metric, device="cpu", **dict(context)))
    return model


def test_predictions_are_those_of_the_library_on_the_same_matrix(tmp_path):
    model = fit(tmp_path)
    types = ["q"] * 4 + ["c"]
    matrices = [model.table.matrix(each) for each in (TRAIN, VALID)]
    for column in range(2):
        train = xgboost.QuantileDMatrix(
            matrices[0], label=TRAIN.target[:, column], feature_types=types, enable_categorical=True
        )
        valid = xgboost.QuantileDMatrix(
            matrices[1], label=VALID.target[:, column], feature_types=types, enable_categorical=True, ref=train
        )
        params = {"learning_rate": 0.3, "max_depth": 3, "eval_metric": "mae", "seed": 1}
        booster = xgboost.train(params, train, 40, evals=[(valid, "v")], early_stopping_rounds=5, verbose_eval=False)
        rows = xgboost.DMatrix(matrices[1], feature_types=types, enable_categorical=True)
        theirs = booster.predict(rows, iteration_range=(0, booster.best_iteration + 1))
        assert_array_equal(model.predict(VALID)[:, column], theirs)


def test_a_category_that_was_not_seen_is_read_as_missing(tmp_path):
    model = fit(tmp_path)
    missing = replace(VALID, features={**VALID.features, "gear": np.full(len(VALID), "")})
    unseen = replace(VALID, features={**VALID.features, "gear": np.full(len(VALID), "neutral")})
    assert_array_equal(model.predict(unseen), model.predict(missing))
    assert np.abs(model.predict(missing) - model.predict(VALID)).max() > 1


def test_the_category_that_decides_is_worth_most(tmp_path):
    told = fit(tmp_path, replace(TRAIN, target=TRAIN.target[:, :1]), replace(VALID, target=VALID.target[:, :1]))
    importances = told.importances()
    assert max(importances, key=importances.__getitem__) == "gear"
    assert sum(importances.values()) == pytest.approx(1)


def test_patience_ends_a_fit_before_its_rounds(tmp_path):
    noise = replace(TRAIN, target=np.random.default_rng(1).standard_normal((300, 1)))
    model = fit(tmp_path, noise, replace(VALID, target=VALID.target[:, :1]), rounds=200)
    assert model.boosters[0].num_boosted_rounds() < 200


def test_without_patience_all_rounds_are_kept(tmp_path):
    assert fit(tmp_path, patience=None).boosters[0].num_boosted_rounds() == 40


def test_saved_and_loaded_it_predicts_the_same(tmp_path):
    model = fit(tmp_path / "fit")
    model.save(tmp_path)
    other = XGBoost()
    other.load(tmp_path, ALL, "cpu")
    assert_array_equal(other.predict(VALID), model.predict(VALID))
    assert sorted(path.suffix for path in tmp_path.glob("booster*")) == [".ubj", ".ubj"]


def test_a_seed_gives_the_same_trees_and_another_others(tmp_path):
    params = {"subsample": 0.5}
    first = fit(tmp_path / "a", params=params).predict(VALID)
    assert_array_equal(fit(tmp_path / "b", params=params).predict(VALID), first)
    assert (fit(tmp_path / "c", params=params, seed=2).predict(VALID) != first).any()


def test_threads_are_those_of_the_run(tmp_path):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        one = fit(tmp_path).boosters[0].save_config()
    finally:
        torch.set_num_threads(before)
    assert '"nthread":"2"' in one


def test_all_targets_can_be_in_the_leaves_of_one_booster(tmp_path):
    numbers = [replace(each, features={"x": each.features["x"]}) for each in (TRAIN, VALID)]
    model = fit(tmp_path, *numbers, targets="all")
    assert len(model.boosters) == 1
    assert model.predict(numbers[1]).shape == (100, 2)
    assert set(model.importances()) <= {f"x[{number}]" for number in range(4)}


def test_classes_are_predicted_as_probabilities(tmp_path):
    classes = np.digitize(ALL.target[:, 1], [-0.7, 0.7])
    one_hot = replace(ALL, target=np.eye(3, dtype=np.float32)[classes])
    model = fit(tmp_path, one_hot.take(np.arange(300)), one_hot.take(np.arange(300, ROWS)), metric=LOGLOSS)
    predicted = model.predict(one_hot)
    assert_allclose(predicted.sum(axis=1), 1, rtol=1e-5)
    assert (predicted.argmax(axis=1) == classes).mean() > 0.7


def test_zeros_and_ones_are_predicted_as_probabilities(tmp_path):
    two = replace(ALL, target=(ALL.target[:, :1] > 0).astype(np.float32))
    predicted = fit(tmp_path, two.take(np.arange(300)), two.take(np.arange(300, ROWS)), metric=ACCURACY).predict(two)
    assert ((predicted >= 0) & (predicted <= 1)).all()
    assert ((predicted > 0.5) == two.target).mean() > 0.95


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"objective": "reg:foo"}, r"^XGBoost: Unknown objective function: `reg:foo`\.\n"),
        ({"eval_metric": "foo"}, r"^XGBoost: Unknown metric function foo\.\n"),
        ({"params": {"subsample": 7}}, r"^XGBoost: value 7 for Parameter subsample exceed bound"),
        ({"params": {"max_bin": "x"}}, r"^XGBoost: .*max_bin"),
        ({"params": {"rate_drop": 0.1}}, r"^XGBoost: Parameters: .*rate_drop.* are not used\."),
    ],
)
def test_what_the_library_refuses_is_one_sentence(tmp_path, keys, message):
    with pytest.raises(CtkError, match=message):
        fit(tmp_path, **keys)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("colsample_bytre", "unknown key 'colsample_bytre'.\nDid you mean 'colsample_bytree'?"),
        ("eta", "'eta' is not set here: use the key learning_rate"),
    ],
)
def test_params_are_those_the_library_knows(name, message):
    with pytest.raises(UsageError) as error:
        validate_config(XGBoostTraining, {"params": {name: 1}}, "member")
    assert message in str(error.value)


def test_it_makes_a_valid_submission_of_the_toy_competition_and_the_report_draws_importances(ctk_home, ctk):
    (ctk_home.work / "ctk_plugins").mkdir()
    shutil.copy(toy.__file__, ctk_home.work / "ctk_plugins" / "toy.py")
    member = "-omembers=[{name: trees, model: xgboost, rounds: 10}]"
    done = ctk("run", "toy-regression", member, "-oexecutor.name=serial", "-otrackers=[]", code=0)
    assert "24 rows, valid" in done.stdout
    (report,) = ctk_home.runs.glob("*/*/report.html")
    assert 'id="importances"' in report.read_text()


def test_it_makes_a_valid_submission_of_a_generated_competition(ctk_home, ctk):
    ctk("new", "competition", "sample", code=0)
    package = ctk_home.work / "ctk-sample"
    lay(package, "ctk-sample", "ctk_sample.plugin")
    member = "-omembers=[{name: xgboost, model: xgboost, rounds: 10}]"
    done = ctk("run", "sample", member, "-oexecutor.name=serial", "-otrackers=[]", code=0, PYTHONPATH=str(package))
    assert "rows, valid" in done.stdout


class Limit:
    """Time that is up, of each booster, at the round of this number."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.asked: list[float] = []

    def is_up(self, share: float = 1.0, ahead: float = 0.0) -> bool:
        self.asked.append(share)
        return self.asked.count(share) >= self.rounds


@pytest.mark.parametrize("rounds", [1, 7])
def test_a_fit_whose_time_is_up_keeps_its_rounds_up_to_the_best(tmp_path, rounds):
    limit = Limit(rounds)
    model = fit(tmp_path / "cut", context={"limit": limit})
    assert sorted(set(limit.asked)) == [0.5, 1.0]  # a booster for each of two columns
    assert_array_equal(model.predict(VALID), fit(tmp_path / "whole", rounds=rounds).predict(VALID))


def test_without_patience_all_rounds_are_kept_until_the_time_is_up(tmp_path):
    model = fit(tmp_path / "cut", patience=None, context={"limit": Limit(3)})
    assert_array_equal(model.predict(VALID), fit(tmp_path / "whole", patience=None, rounds=3).predict(VALID))
