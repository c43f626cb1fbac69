"""LightGBM as a member: the library's own trees, on categories and missing values, saved in its own format."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from ctk.components.metrics import AUC, LOGLOSS, MAE
from ctk.contract import FitContext
from ctk.contract.schema import validate_config
from ctk.errors import CtkError, DamagedError, UsageError
from ctk.samples import Samples
from ctk.testing import toy
from ctk_lightgbm.model import LightGBM, LightGBMTraining

ROWS = 600


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
TRAIN, VALID = ALL.take(np.arange(450)), ALL.take(np.arange(450, ROWS))
KEYS = {"rounds": 40, "patience": 5, "learning_rate": 0.3, "leaves": 8}


def fit(
    folder: Path, train: Samples = TRAIN, valid: Samples = VALID, seed: int = 1, metric=MAE, context=(), **keys
) -> LightGBM:
    model = LightGBM()
    model.training = validate_config(LightGBMTraining, {**KEYS, **keys}, "member")
    model.fit(train, valid, FitContext(folder, seed, metric, device="cpu", **dict(context)))
    return model


@pytest.fixture
def threads():
    """Sets the threads of this process, until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_predictions_are_those_of_the_library_on_the_same_matrix(tmp_path):
    model = fit(tmp_path)
    matrices = [model.table.matrix(each) for each in (TRAIN, VALID)]
    params = {"learning_rate": 0.3, "num_leaves": 8, "metric": "l1", "seed": 1, "verbosity": -1, "num_threads": 1}
    params |= {"deterministic": True, "force_col_wise": True}
    for column in range(2):
        train = lightgbm.Dataset(matrices[0], TRAIN.target[:, column], categorical_feature=[4])
        valid = lightgbm.Dataset(matrices[1], VALID.target[:, column], reference=train)
        stop = lightgbm.early_stopping(5, verbose=False)
        booster = lightgbm.train(params, train, 40, valid_sets=[valid], callbacks=[stop])
        assert_allclose(model.predict(VALID)[:, column], booster.predict(matrices[1]), rtol=1e-6)


def test_a_category_that_was_not_seen_is_read_as_missing(tmp_path):
    model = fit(tmp_path)
    missing = replace(VALID, features={**VALID.features, "gear": np.full(len(VALID), "")})
    unseen = replace(VALID, features={**VALID.features, "gear": np.full(len(VALID), "neutral")})
    assert_array_equal(model.predict(unseen), model.predict(missing))
    assert np.abs(model.predict(missing) - model.predict(VALID)).max() > 1


def test_the_category_that_decides_is_worth_most(tmp_path):
    importances = fit(
        tmp_path, replace(TRAIN, target=TRAIN.target[:, :1]), replace(VALID, target=VALID.target[:, :1])
    ).importances()
    assert max(importances, key=importances.__getitem__) == "gear"
    assert sum(importances.values()) == pytest.approx(1)


def test_what_is_saved_ends_with_the_best_round(tmp_path):
    noise = replace(TRAIN, target=np.random.default_rng(1).standard_normal((450, 1)))
    model = fit(tmp_path / "fit", noise, replace(VALID, target=VALID.target[:, :1]), rounds=200)
    assert model.boosters[0].current_iteration() < 200
    model.save(tmp_path)
    other = LightGBM()
    other.load(tmp_path, ALL, "cpu")
    assert other.boosters[0].current_iteration() == model.boosters[0].current_iteration()
    assert_array_equal(other.predict(VALID), model.predict(VALID))


def test_a_booster_that_was_cut_short_is_told_by_its_file(tmp_path):
    fit(tmp_path)
    path = tmp_path / "booster-0001.txt"
    path.write_text(path.read_text()[:2000])
    with pytest.raises(DamagedError, match=r"booster-0001\.txt: is no booster of LightGBM"):
        LightGBM().load(tmp_path, ALL, "cpu")


def test_dart_which_has_no_best_round_keeps_all(tmp_path):
    assert fit(tmp_path, params={"boosting": "dart"}).boosters[0].current_iteration() == 40


def test_a_seed_gives_the_same_trees_whatever_the_threads(tmp_path, threads):
    params = {"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.7}
    first = fit(tmp_path / "a", params=params).predict(VALID)
    threads(2)
    assert_array_equal(fit(tmp_path / "b", params=params).predict(VALID), first)
    assert (fit(tmp_path / "c", params=params, seed=2).predict(VALID) != first).any()


def test_classes_are_predicted_as_probabilities(tmp_path):
    classes = np.digitize(ALL.target[:, 1], [-0.7, 0.7])
    one_hot = replace(ALL, target=np.eye(3, dtype=np.float32)[classes])
    model = fit(tmp_path, one_hot.take(np.arange(450)), one_hot.take(np.arange(450, ROWS)), metric=LOGLOSS)
    predicted = model.predict(one_hot)
    assert_allclose(predicted.sum(axis=1), 1, rtol=1e-5)
    assert (predicted.argmax(axis=1) == classes).mean() > 0.7


def test_zeros_and_ones_are_predicted_as_probabilities(tmp_path):
    two = replace(ALL, target=(ALL.target[:, :1] > 0).astype(np.float32))
    predicted = fit(tmp_path, two.take(np.arange(450)), two.take(np.arange(450, ROWS)), metric=AUC).predict(two)
    assert ((predicted >= 0) & (predicted <= 1)).all()
    assert ((predicted > 0.5) == two.target).mean() > 0.95


def test_all_targets_together_are_refused_with_the_model_that_can():
    with pytest.raises(UsageError, match="one target at a time; the model xgboost learns all together"):
        validate_config(LightGBMTraining, {"targets": "all"}, "member")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"objective": "foo"}, r"^LightGBM: Unknown objective type name: foo\.\n"),
        ({"eval_metric": "foo"}, r"^LightGBM: For early stopping, at least one .* eval metric is required"),
        ({"params": {"min_data_in_leaf": "x"}}, r"^LightGBM: Parameter min_data_in_leaf should be of type int"),
    ],
)
def test_what_the_library_refuses_is_one_sentence_and_nothing_beside_it(tmp_path, capfd, keys, message):
    with pytest.raises(CtkError, match=message):
        fit(tmp_path, **keys)
    assert capfd.readouterr() == ("", "")


def test_errors_are_heard_while_it_trains_and_afterwards(tmp_path, capfd):
    fit(tmp_path, rounds=3, context={"progress": lambda *told: os.write(2, b"heard ")})
    os.write(2, b"last")
    told = capfd.readouterr().err.split()
    assert told.count("heard") > 0
    assert told[-1] == "last"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bagging_fractoin", "unknown key 'bagging_fractoin'.\nDid you mean 'bagging_fraction'?"),
        ("eta", "'eta' is not set here: use the key learning_rate"),
        ("n_estimators", "'n_estimators' is not set here: use the key rounds"),
    ],
)
def test_params_are_those_the_library_knows_by_any_alias(name, message):
    with pytest.raises(UsageError) as error:
        validate_config(LightGBMTraining, {"params": {name: 1}}, "member")
    assert message in str(error.value)


def test_it_makes_a_valid_submission_of_the_toy_competition_and_the_report_draws_importances(ctk_home, ctk):
    (ctk_home.work / "ctk_plugins").mkdir()
    shutil.copy(toy.__file__, ctk_home.work / "ctk_plugins" / "toy.py")
    member = "-omembers=[{name: trees, model: lightgbm, rounds: 10}]"
    done = ctk("run", "toy-regression", member, "-oexecutor.name=serial", "-otrackers=[]", code=0)
    assert "24 rows, valid" in done.stdout
    (report,) = ctk_home.runs.glob("*/*/report.html")
    assert 'id="importances"' in report.read_text()


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
