"""The network of tables: what it learns, what is missing or new to it, and that it is saved whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from plugins.tables.tests.tiny_tables import METRICS, make_samples

from ctk.api import metric_of
from ctk.config.training_keys import Training
from ctk.contract import FitContext
from ctk.contract.schema import validate_config
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk.training import as_model
from ctk_tables.encoders.normal_scores import normal_quantiles, to_normal_scores
from ctk_tables.models.table_mlp import TableMLP
from ctk_tables.models.text_keys import keys_of_codes, keys_of_texts

KEYS = {"loss": "own", "epochs": 12, "batch": {"size": 32}, "optimizer": {"name": "adamw", "lr": 5e-3}}


def fitted(folder, train: Samples, valid: Samples, metric: str, **options):
    model = as_model(TableMLP)(**{"without": ["said of it"], "hidden": 32, "ensemble": 4, **options})
    model.training = validate_config(Training, KEYS, "member")
    model.fit(train, valid, FitContext(folder, 1, metric_of(metric), device="cpu"))
    return model


@pytest.mark.parametrize("task", METRICS)
def test_every_task_is_told_better_than_by_a_constant_and_the_same_when_loaded(tmp_path, task):
    train, test = make_samples(task)
    model, metric = fitted(tmp_path / "fit", train, test, METRICS[task]), metric_of(METRICS[task])
    predicted = model.predict(test)
    constant = np.repeat(train.target.mean(axis=0, keepdims=True), len(test), axis=0)
    assert metric.merit(metric.score(predicted, test)) > metric.merit(metric.score(constant, test))
    model.save(tmp_path)
    other = as_model(TableMLP)(without=["said of it"], hidden=32, ensemble=4)
    other.load(tmp_path, test.take(np.arange(7)), "cpu")  # other categories, other quantiles: those saved count
    assert_array_equal(other.predict(test), predicted)


def test_scores_of_numbers_are_those_of_numpy_whatever_repeats_or_is_beyond():
    random = np.random.default_rng(0)
    x = np.column_stack([random.standard_normal(500), random.integers(0, 3, 500), np.ones(500)]).astype(np.float32)
    network = TableMLP(Samples(np.arange(500), {"x": x}, x[:, :1]))
    asked = np.concatenate([x[:50], x.min(0, keepdims=True) - 9, x.max(0, keepdims=True) + 9])
    expected = to_normal_scores(asked, *normal_quantiles(x))
    assert_allclose(network._normal_scores(torch.from_numpy(asked)).numpy(), expected, atol=1e-5)
    assert abs(to_normal_scores(x, *normal_quantiles(x))[:, 0].std() - 1) < 0.05


def test_a_text_has_one_key_in_numpy_and_torch_and_another_in_each_column():
    texts = np.array(["", "a", "b", "Größe", "x" * 200])
    codes = torch.zeros(5, 2, 128, dtype=torch.int32)
    for row, text in enumerate(texts.tolist()):
        codes[row, :, : len(text)] = torch.tensor([ord(each) for each in text[:128]], dtype=torch.int32)
    keys = keys_of_codes(codes).numpy()
    assert_array_equal(keys[:, 0], keys_of_texts(texts, 0))
    assert_array_equal(keys[:, 1], keys_of_texts(texts, 1))
    assert len(np.unique(keys)) == 10


def test_categories_that_are_rare_or_new_are_one_and_the_same(tmp_path):
    train, test = make_samples("regression")
    owner = train.features["owner"].copy()
    owner[0] = "once"
    network = TableMLP(replace(train, features={**train.features, "owner": owner}), without=["said of it"]).eval()
    answers = []
    for name in ("once", "never seen", "ann"):
        owners = np.full(len(test), name)
        from ctk.training import text_codes

        given = {key: torch.from_numpy(test.features[key]) for key in network.features if key != "owner"}
        given["owner"] = text_codes(owners)
        answers.append(network(*(given[key] for key in network.features)).detach())
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])


def test_of_quantiles_the_objective_is_one(tmp_path):
    random = np.random.default_rng(0)
    noise = random.exponential(size=(900, 1)).astype(np.float32)
    samples = Samples(np.arange(900), {"x": random.standard_normal(900).astype(np.float32)}, noise)
    model = fitted(tmp_path, samples, samples, "mae", objective="quantile", quantile=0.9, without=[])
    assert abs((model.predict(samples) > noise).mean() - 0.9) < 0.03


def test_text_is_no_target_of_it():
    samples = Samples(np.arange(2), {"x": np.zeros(2, np.float32)}, np.array(["a", "b"]))
    with pytest.raises(UsageError, match="table-mlp predicts numbers, and the target is text"):
        TableMLP(samples)
