"""What boosted trees of every library have in common, with a library of one number a booster."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ctk.contract import FitContext, Metric
from ctk.contract.schema import validate_config
from ctk.errors import DamagedError, UsageError
from ctk.samples import Samples, Targets
from ctk.training import BoostedTrees, FittedBooster, TreesTraining

ERROR = Metric("error", "min", lambda prediction, samples: 0.0, climb="mae")
LOGLOSS = Metric("logloss", "min", lambda prediction, samples: 0.0, climb="logloss")


class Means(BoostedTrees):
    """Predicts a target's mean, its fifth decimal the seed; tasks and fits are noted."""

    library = "Means"
    suffix = ".json"
    objectives = {"numbers": "plain", "binary": "logistic", "classes": "softmax"}  # noqa: RUF012
    class_objectives = ("softmax",)
    metrics = {"mae": "l1", "logloss": "log"}  # noqa: RUF012
    class_metrics = {"logloss": "multilog"}  # noqa: RUF012
    same_scores = ("mae",)

    def __init__(self, **options):
        super().__init__(**options)
        self.training = TreesTraining(rounds=10)
        self.tasks, self.gone = [], {}

    def open_data(self, matrix, label, task, reference=None):
        return {"label": label}

    def relabel(self, data, label):
        data["label"] = label

    def train(self, data, valid, task):
        self.tasks.append(task)
        for done in range(1, task.rounds + 1):
            task.progress(done, 0.5 if valid else None)
        mean = data["label"].mean() + task.seed * 1e-5
        return FittedBooster({"mean": float(mean), "classes": task.classes}, task.rounds, 0.5 if valid else None)

    def write_booster(self, fitted, path):
        path.write_text(json.dumps(fitted.booster))

    def read_booster(self, path, gpu):
        return json.loads(path.read_text())

    def predict_boosters(self, boosters, matrix):
        return [np.full((len(matrix), each["classes"] or 1), each["mean"]) for each in boosters]

    def gains(self, booster):
        return self.gone.get(booster["mean"], np.array([3.0, 1.0]))


def data(target, rows: int = 6) -> Samples:
    target = np.asarray(target, np.float32)
    return Samples(np.arange(rows), {"x": np.zeros((rows, 2), np.float32)}, target)


NUMBERS = data(np.arange(18).reshape(6, 3))


class Killed(BaseException):
    pass


def fit(folder: Path, samples: Samples = NUMBERS, valid: Samples | None = None, model=None, **context) -> Means:
    model = model or Means()
    metric = context.pop("metric", ERROR)
    seed = context.pop("seed", 1)
    model.fit(samples, samples if valid is None else valid, FitContext(folder, seed, metric, device="cpu", **context))
    return model


def kill_at(done: int):
    def progress(at, total, scores):
        if at >= done:
            raise Killed

    return progress


def test_each_column_has_a_booster_and_its_place_in_the_prediction(tmp_path):
    assert_array_equal(fit(tmp_path).predict(NUMBERS)[0].round(3), [7.5, 8.5, 9.5])


@pytest.mark.parametrize(
    ("target", "objective", "classes"),
    [
        (np.arange(12).reshape(6, 2), "plain", 0),
        ([[0], [1], [1], [0], [1], [0]], "logistic", 0),
        ([[1, 1], [1, 0], [0, 0], [1, 0], [0, 1], [0, 0]], "logistic", 0),
        (np.eye(3)[[0, 1, 2, 0, 1, 2]], "softmax", 3),
    ],
)
def test_the_objective_goes_by_what_the_target_holds(tmp_path, target, objective, classes):
    task = fit(tmp_path, data(target)).tasks[0]
    assert (task.objective, task.classes) == (objective, classes)


def test_an_objective_of_classes_needs_a_single_one_in_each_row(tmp_path):
    model = Means()
    model.training = TreesTraining(objective="softmax")
    with pytest.raises(UsageError, match="'softmax' needs a column a class"):
        fit(tmp_path, model=model)


def test_early_stopping_looks_at_the_runs_metric_where_the_library_has_it(tmp_path):
    assert fit(tmp_path / "a").tasks[0].eval_metric == "l1"
    assert fit(tmp_path / "b", data(np.eye(2)[[0, 1] * 3]), metric=LOGLOSS).tasks[0].eval_metric == "multilog"
    other = Metric("own", "min", lambda prediction, samples: 0.0)
    assert fit(tmp_path / "c", metric=other).tasks[0].eval_metric is None


def test_the_config_may_name_another_metric_than_the_runs(tmp_path):
    model = Means()
    model.training = TreesTraining(eval_metric="l2")
    assert fit(tmp_path, model=model).tasks[0].eval_metric == "l2"


def test_without_validation_rows_all_rounds_are_trained_and_the_log_says_so(tmp_path):
    told = []
    model = fit(tmp_path, valid=NUMBERS.take(np.arange(0)), tell=told.append)
    assert model.tasks[0].patience is None
    assert "no validation rows" in told[0]


def test_a_dry_run_trains_as_many_rounds_as_it_has_steps(tmp_path):
    assert fit(tmp_path, steps=2).tasks[0].rounds == 2


def test_a_fit_that_was_killed_goes_on_with_the_next_target(tmp_path):
    whole = fit(tmp_path / "whole").predict(NUMBERS)
    with pytest.raises(Killed):
        fit(tmp_path / "part", progress=kill_at(15))  # in the middle of the second
    rest = fit(tmp_path / "part")
    assert len(rest.tasks) == 2
    assert_array_equal(rest.predict(NUMBERS), whole)


@pytest.mark.parametrize("change", ["seed", "keys", "features"])
def test_boosters_of_another_fit_are_not_gone_on_with(tmp_path, change):
    with pytest.raises(Killed):
        fit(tmp_path, progress=kill_at(15))
    model, samples = Means(), NUMBERS
    if change == "keys":
        model.training = TreesTraining(rounds=10, learning_rate=0.2)
    if change == "features":
        samples = replace(NUMBERS, features={"y": np.zeros((6, 2), np.float32)})
    assert len(fit(tmp_path, samples, model=model, seed=2 if change == "seed" else 1).tasks) == 3


def test_a_damaged_booster_is_fitted_anew_and_the_log_says_so(tmp_path):
    fit(tmp_path)
    (tmp_path / "booster-0001.json").write_text("{")
    told = []
    assert len(fit(tmp_path, tell=told.append).tasks) == 1
    assert "booster-0001.json cannot be read (JSONDecodeError) and is fitted anew" in told


def test_the_progress_counts_the_rounds_of_all_boosters_and_ends_at_the_last(tmp_path):
    seen = []
    fit(tmp_path, progress=lambda done, total, scores: seen.append((done, total)))
    assert seen[0] == (1, 30)
    assert seen[-1] == (30, 30)
    assert seen == sorted(seen)


def test_a_score_is_told_only_where_a_single_booster_is_the_member(tmp_path):
    seen = []
    fit(tmp_path / "three", progress=lambda done, total, scores: seen.append(dict(scores)))
    assert not any(seen)
    fit(tmp_path / "one", data(np.arange(6)), progress=lambda done, total, scores: seen.append(dict(scores)))
    assert seen[-1] == {"error": 0.5}


def test_the_log_names_the_targets(tmp_path):
    told = []
    targets = Targets(np.array(["x_0", "y_0", "z_0"]), np.array(["x", "y", "z"]))
    fit(tmp_path, replace(NUMBERS, targets=targets), tell=told.append)
    assert told == ["3 boosters of 10 to 10 rounds, l1 0.5"]


def test_importances_are_shares_of_gain_and_the_mean_over_boosters(tmp_path):
    model = fit(tmp_path)
    model.gone = {model.boosters[0]["mean"]: np.array([0.0, 8.0])}
    assert model.importances() == pytest.approx({"x[0]": 0.5, "x[1]": 0.5})


def test_a_booster_without_a_split_brings_no_importance(tmp_path):
    model = fit(tmp_path, data(np.arange(6)))
    model.gone = {model.boosters[0]["mean"]: np.zeros(2)}
    assert model.importances() == {}


def test_what_was_saved_predicts_the_same_elsewhere(tmp_path):
    model = fit(tmp_path / "fit")
    model.save(tmp_path)
    other = Means()
    other.load(tmp_path, NUMBERS, "cpu")
    assert_array_equal(other.predict(NUMBERS), model.predict(NUMBERS))
    assert other.importances() == model.importances()


def test_a_damaged_booster_is_told_by_its_file(tmp_path):
    fit(tmp_path)
    (tmp_path / "booster-0002.json").write_text("{")
    with pytest.raises(DamagedError, match=r"booster-0002\.json: is no booster of Means"):
        Means().load(tmp_path, NUMBERS, "cpu")


def test_params_that_are_set_by_keys_or_unknown_are_refused():
    class Training(TreesTraining):
        @classmethod
        def reserved_params(cls):
            return {"eta": "use the key learning_rate"}

        @classmethod
        def known_params(cls):
            return ["subsample"]

    with pytest.raises(UsageError, match="'eta' is not set here: use the key learning_rate"):
        validate_config(Training, {"params": {"eta": 1}}, "member")
    with pytest.raises(UsageError, match=r"member\.params: unknown key 'subsampel'\.\nDid you mean 'subsample'\?"):
        validate_config(Training, {"params": {"subsampel": 1}}, "member")
    assert Training(params={"subsample": 0.5}).params == {"subsample": 0.5}
