"""Losses of numbers, each beside its formula in plain numpy; with and without weights of columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import r2_score

from ctk.components.regression_losses import FocalRegression, MSELoss, Quantile, R2Loss
from ctk.components.smooth_l1 import L1, SmoothL1
from ctk.components.target_weights import ColumnLoss
from ctk.contract import Batch, Choice
from ctk.errors import UsageError
from ctk.plugins import plugins
from ctk.plugins.component_options import resolve_choice
from ctk.samples import Array, Samples, Targets

NAMES = np.array(["dry_green", "dry_dead", "total"])
WEIGHTS = {"dry_*": 0.1, "dry_dead": 0.3, "total": 0.5}
OF_COLUMNS = np.array([0.1, 0.3, 0.5])


def smooth_l1(y: Array, p: Array, beta: float) -> Array:
    d = np.abs(y - p)
    return np.where(d < beta, d**2 / (2 * beta), d - beta / 2)


def pinball(y: Array, p: Array, q: float) -> Array:
    return np.where(y >= p, q * (y - p), (1 - q) * (p - y))


def focal(y: Array, p: Array, beta: float, gamma: float) -> Array:
    e = np.abs(y - p)
    return (1 / (1 + np.exp(-beta * e))) ** gamma * e


CASES: dict[str, tuple[type[ColumnLoss], dict[str, float], Callable[[Array, Array], Array]]] = {
    "l1": (L1, {}, lambda y, p: np.abs(y - p)),
    "smooth-l1": (SmoothL1, {"beta": 0.3}, lambda y, p: smooth_l1(y, p, 0.3)),
    "mse": (MSELoss, {}, lambda y, p: (y - p) ** 2),
    "quantile": (Quantile, {"quantile": 0.8}, lambda y, p: pinball(y, p, 0.8)),
    "focal-regression": (FocalRegression, {"beta": 2.0, "gamma": 1.5}, lambda y, p: focal(y, p, 2.0, 1.5)),
    "squared focal": (FocalRegression, {"squared": True}, lambda y, p: focal(y, p, 1.0, 1.0) * np.abs(y - p)),
}


def samples(names: Array | None = NAMES) -> Samples:
    targets = None if names is None else Targets(names, names)
    return Samples(np.arange(4), {}, np.zeros((4, 3), np.float32), targets=targets)


def rows(seed: int = 0) -> tuple[Array, Array]:
    y, p = np.random.default_rng(seed).normal(2, 3, (2, 7, 3)).astype(np.float32)
    return y, p


def computed(loss: ColumnLoss, y: Array, p: Array, columns: Array | None = None) -> float:
    given = None if columns is None else torch.from_numpy(columns)
    return float(loss(torch.from_numpy(p), Batch({}, torch.from_numpy(y), None, columns=given)))


@pytest.mark.parametrize("name", CASES)
def test_each_equals_its_formula(name):
    kind, options, formula = CASES[name]
    y, p = rows()
    each = formula(y.astype(np.float64), p.astype(np.float64))
    assert computed(kind(**options), y, p) == pytest.approx(each.mean(), rel=1e-5)
    weighted = kind.for_samples(samples(), weights=WEIGHTS, **options)
    assert computed(weighted, y, p) == pytest.approx(np.average(each.mean(axis=0), weights=OF_COLUMNS), rel=1e-5)
    some = np.array([2, 1])
    alone = np.average(each.mean(axis=0)[some], weights=OF_COLUMNS[some])
    assert computed(weighted, y[:, some], p[:, some], some) == pytest.approx(alone, rel=1e-5)


def test_equal_weights_change_nothing_and_none_leave_smooth_l1_as_it_was():
    y, p = rows()
    target, prediction = torch.from_numpy(y), torch.from_numpy(p).requires_grad_()
    (expected,) = torch.autograd.grad(F.smooth_l1_loss(prediction, target, beta=0.7), prediction)
    (gradient,) = torch.autograd.grad(SmoothL1(beta=0.7)(prediction, Batch({}, target, None)), prediction)
    assert torch.equal(gradient, expected)
    alike = SmoothL1.for_samples(samples(), weights={"*": 3.0}, beta=0.7)
    assert computed(alike, y, p) == pytest.approx(computed(SmoothL1(beta=0.7), y, p), rel=1e-6)


def test_r2_is_that_of_all_columns_together():
    y, p = rows()
    assert computed(R2Loss(), y, p) == pytest.approx(1 - r2_score(y.ravel(), p.ravel()), rel=1e-5)
    weight = np.broadcast_to(OF_COLUMNS, y.shape).ravel()
    expected = 1 - r2_score(y.ravel(), p.ravel(), sample_weight=weight)
    assert computed(R2Loss.for_samples(samples(), weights=WEIGHTS), y, p) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("rows_there", [1, 4])
def test_r2_of_a_batch_that_hardly_varies_is_finite_and_has_a_gradient(rows_there):
    target = torch.full((rows_there, 3), 5.0)
    prediction = (target + 0.5).requires_grad_()
    loss = R2Loss(floor=0.01)(prediction, Batch({}, target, None))
    assert loss.item() == pytest.approx(25.0)
    (gradient,) = torch.autograd.grad(loss, prediction)
    assert torch.isfinite(gradient).all()
    assert (gradient > 0).all()


def test_the_quantile_is_what_the_loss_is_least_at():
    y = np.random.default_rng(0).exponential(size=(2001, 1)).astype(np.float32)
    guesses = np.linspace(0, 4, 401, dtype=np.float32)
    losses = [computed(Quantile(quantile=0.9), y, np.full_like(y, guess)) for guess in guesses]
    assert guesses[int(np.argmin(losses))] == pytest.approx(np.quantile(y, 0.9), abs=0.02)


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({"dry_gren": 1.0}, "'dry_gren' fits no column of the target"),
        ({"dry_*": 1.0, "*_green": 2.0}, "'dry_\\*' and '\\*_green' give column 'dry_green' different weights"),
        ({"*": 0.0}, "no column of the target has a weight above 0"),
    ],
)
def test_weights_that_fit_no_column_or_not_one_are_told(weights, told):
    with pytest.raises(UsageError, match=told):
        MSELoss.for_samples(samples(), weights=weights)


def test_weights_need_names_of_columns():
    with pytest.raises(UsageError, match="have no names"):
        SmoothL1.for_samples(samples(None), weights={"*": 1.0})


@pytest.mark.parametrize("name", ["l1", "smooth-l1", "mse", "quantile", "focal-regression", "weighted-r2"])
def test_each_is_offered_by_name_with_weights_as_a_config_key(name):
    choice = resolve_choice(Choice(name=name, weights={"total": 0.5}), "losses", "loss", plugins())
    assert choice.options["weights"] == {"total": 0.5}
    for wrong in ({"total": -1}, {}):
        with pytest.raises(UsageError, match="weights"):
            resolve_choice(Choice(name=name, weights=wrong), "losses", "loss", plugins())
