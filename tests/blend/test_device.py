"""Tensors are climbed where they are, with what the engine finds on arrays."""

import numpy as np
import pytest
import torch

from ctk.blend import device, hill_climb

METRICS = ["mse", "rmse", "r2", "weighted_r2", "mae"]
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


@pytest.fixture(params=DEVICES)
def on_device(request, monkeypatch):
    """Sends tensors on the CPU the device's way too, which they would not need."""
    monkeypatch.setattr(device, "wanted", lambda predictions, metric: isinstance(predictions, torch.Tensor))
    return lambda array: torch.from_numpy(array).to(request.param)


def case(columns=None, members=4, rows=1000):
    generator = np.random.default_rng(0)
    shape = (rows,) if columns is None else (rows, columns)
    target = generator.standard_normal(shape)
    return target + 0.05 + generator.standard_normal((members, *shape)) * 0.7, target


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("columns", [None, 1, 3])
@pytest.mark.parametrize("options", [{}, {"replacement": False}, {"bounds": (0, 0.1)}, {"bags": 3}])
def test_the_device_finds_what_the_engine_finds(on_device, metric, columns, options):
    predictions, target = case(columns)
    options = options | {"tolerance": 1e-6}
    by_engine = hill_climb(predictions, target, metric, **options)
    found = hill_climb(on_device(predictions), on_device(target), metric, **options)
    assert found.score == pytest.approx(by_engine.score, rel=2e-5)
    assert found.weights == pytest.approx(by_engine.weights, abs=0.01)


@pytest.mark.parametrize("metric", METRICS)
def test_groups_and_column_weights(on_device, metric):
    predictions, target = case(3)
    labels = np.random.default_rng(0).integers(0, 2, len(target))
    options = {"groups": labels, "columns": ["a", "b", "a"], "column_weights": [1, 2, 3], "tolerance": 1e-6}
    by_engine = hill_climb(predictions, target, metric, **options)
    found = hill_climb(on_device(predictions), on_device(target), metric, **options)
    assert found.score == pytest.approx(by_engine.score, rel=2e-5)
    assert found.weights.shape == (2, 2, 4)


@pytest.mark.parametrize("metric", METRICS)
def test_what_is_not_finite_is_named(on_device, metric):
    predictions, target = case(2)
    predictions[1, 5, 0] = np.nan
    with pytest.raises(ValueError, match="member 1, row 5, column 0"):
        hill_climb(on_device(predictions), on_device(target), metric)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_as_it_is(dtype):
    predictions, target = case(2)
    predictions, target = torch.from_numpy(predictions).to(dtype), torch.from_numpy(target).to(dtype)
    for metric in METRICS:
        exact = hill_climb(predictions.double(), target.double(), metric)
        assert hill_climb(predictions, target, metric).score == pytest.approx(exact.score, rel=1e-4)


@pytest.mark.parametrize("metric", ["r2", "mae"])
def test_tensors_that_learn_are_read_without_their_history(metric):
    predictions, target = torch.randn(3, 50).bfloat16(), torch.randn(50)
    plain = hill_climb(predictions, target, metric)
    learning = hill_climb(predictions.clone().requires_grad_(), target.clone().requires_grad_(), metric)
    assert learning.score == plain.score
