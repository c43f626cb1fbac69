"""Errors in parts of the target, and of quantiles: blends as good as a linear program's, or least squares'."""

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn import metrics as sk

from ctk.blend import hill_climb, nelder_mead, tasks
from ctk.blend import reference as plain
from ctk.blend.engine import native


@pytest.fixture(autouse=True, params=["native", "reference"])
def engine(request, monkeypatch):
    if request.param == "native" and native is None:
        pytest.skip("the engine was not built")
    monkeypatch.setattr(tasks, "engine", native if request.param == "native" else plain)


def case(rows=150, columns=None, seed=0):
    random = np.random.default_rng(seed)
    shape = (rows,) if columns is None else (rows, columns)
    target = random.gamma(2, 1, shape) + 0.1
    return [target * (1 + s * random.normal(size=shape)) + b for s, b in ((0.3, 0.2), (0.4, -0.3), (0.6, 0))], target


def least(members, target, level, sizes):
    """The least mean of sizes * pinball over weights that sum to one, by a linear program."""
    errors = np.stack([member.ravel() for member in members], axis=1)
    rows, count = errors.shape
    unit = np.eye(rows)
    found = linprog(
        np.concatenate([np.zeros(count), level * sizes, (1 - level) * sizes]),
        A_eq=np.block([[errors, unit, -unit], [np.ones((1, count)), np.zeros((1, 2 * rows))]]),
        b_eq=np.append(target.ravel(), 1),
        bounds=[(None, None)] * count + [(0, None)] * (2 * rows),
    )
    return found.fun / rows


@pytest.mark.parametrize("level", [0.02, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("columns", [None, 2])
def test_pinball_is_least(level, columns):
    members, target = case(columns=columns)
    found = hill_climb(members, target, f"pinball@{level}")
    blend = np.tensordot(found.weights, members, axes=1)
    assert found.score == pytest.approx(sk.mean_pinball_loss(target.ravel(), blend.ravel(), alpha=level), rel=1e-12)
    assert found.score == pytest.approx(least(members, target, level, np.ones(target.size)), rel=1e-4)
    assert found.trace[-1].score == pytest.approx(found.score, rel=1e-9)


def test_pinball_of_the_median_is_half_of_mae():
    members, target = case()
    assert 2 * hill_climb(members, target, "pinball@0.5").score == pytest.approx(
        hill_climb(members, target, "mae").score, rel=1e-6
    )


def test_mape_is_least():
    members, target = case()
    found = hill_climb(members, target, "mape")
    blend = np.tensordot(found.weights, members, axes=1)
    assert found.score == pytest.approx(sk.mean_absolute_percentage_error(target, blend), rel=1e-12)
    assert found.score == pytest.approx(2 * least(members, target, 0.5, 1 / target), rel=1e-4)


@pytest.mark.parametrize("columns", [None, 1, 3])
def test_rmspe_is_that_of_rows_whose_target_is_not_zero(columns):
    members, target = case(columns=columns)
    target[3] = 0
    if columns == 3:
        target[5:9, 1] = 0
    found = hill_climb(members, target, "rmspe")
    blend = np.tensordot(found.weights, members, axes=1)
    pairs = list(zip(blend.reshape(150, -1).T, target.reshape(150, -1).T, strict=True))
    expected = np.mean([np.sqrt(np.mean((x[y != 0] / y[y != 0] - 1) ** 2)) for x, y in pairs])
    assert found.score == pytest.approx(expected, rel=1e-9)
    assert found.trace[-1].score == pytest.approx(found.score, rel=1e-6)
    if columns != 3:
        y = target.ravel()
        parts = np.stack([(member.ravel() - y)[y != 0] / y[y != 0] for member in members])
        gram = parts @ parts.T
        weights = np.linalg.solve(gram, np.ones(3))
        best = 1 / weights.sum()
        assert found.score**2 * (y != 0).sum() == pytest.approx(best, rel=1e-6)


def test_rmspe_by_groups_and_columns():
    members, target = case(columns=3)
    target[3] = 0
    found = hill_climb(members, target, "rmspe", groups=np.arange(150) % 2, columns=["a", "a", "b"])
    assert found.weights.shape == (2, 2, 3)
    assert found.score <= hill_climb(members, target, "rmspe").score


def test_a_simplex_knows_them_too():
    members, target = case()
    for metric in ("mape", "rmspe", "pinball@0.7"):
        assert nelder_mead(members, target, metric).score >= hill_climb(members, target, metric).score - 1e-9


@pytest.mark.parametrize("metric", ["pinball@0", "pinball@1", "pinball@x", "pinball@nan"])
def test_what_is_no_quantile_is_told(metric):
    with pytest.raises(ValueError, match="is no quantile"):
        hill_climb(*case(), metric)
