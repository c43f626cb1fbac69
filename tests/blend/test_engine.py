"""The engine and its reference say the same, for every instruction set and over an edge grid."""

import numpy as np
import pytest

from ctk.blend import hill_climb, reference, tasks
from ctk.blend.engine import native

pytestmark = pytest.mark.skipif(native is None, reason="the engine was not built")

SETS = native.instruction_sets() if native else []
SQUARED = ["mse", "rmse", "r2", "weighted_r2"]
BY_ROW = ["mae", "smooth_l1"]
PROBABILITIES = ["logloss", "accuracy", "auc"]


@pytest.fixture(autouse=True, params=SETS)
def instruction_set(request):
    native.use(request.param)
    yield
    native.use(None)


def both(monkeypatch, *arguments, **options):
    by_engine = hill_climb(*arguments, **options)
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "engine", reference)
        return by_engine, hill_climb(*arguments, **options)


def case(members, rows, columns=None, dtype=np.float64, offset=0.0, seed=0):
    generator = np.random.default_rng(seed)
    shape = (rows,) if columns is None else (rows, columns)
    target = generator.standard_normal(shape) + offset
    noise = generator.standard_normal((members, *shape)) * np.linspace(0.3, 1, members).reshape(-1, *[1] * len(shape))
    return (target + noise + 0.05).astype(dtype), target.astype(dtype)


def probabilities(members, rows, columns=None, seed=0):
    predictions, target = case(members, rows, columns, seed=seed)
    labels = (target > 0).astype(np.int64)
    labels[0], labels[-1] = 0, 1
    return 1 / (1 + np.exp(-predictions)), labels


def assert_same(by_engine, by_reference, rel):
    assert by_engine.score == pytest.approx(by_reference.score, rel=rel, abs=rel)


@pytest.mark.parametrize("metric", [*SQUARED, *BY_ROW])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("members", "rows", "columns"),
    [(1, 9, None), (2, 1, None), (3, 2, 1), (5, 67, None), (4, 33, 3), (7, 130, 17), (9, 300, None), (17, 64, 8)],
)
def test_shapes(monkeypatch, metric, dtype, members, rows, columns):
    predictions, target = case(members, rows, columns, dtype)
    by_engine, by_reference = both(monkeypatch, predictions, target, metric)
    # where there are as many members as rows many blends are perfect, and a score of nearly nothing has no digits
    assert_same(by_engine, by_reference, 2e-4)
    if metric in SQUARED and rows > 60:
        assert by_engine.weights == pytest.approx(by_reference.weights, abs=1e-3)


@pytest.mark.parametrize("metric", SQUARED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gram_matrices_are_those_of_the_residuals_in_double(metric, dtype):
    predictions, target = case(6, 1001, 19, dtype)
    labels = np.random.default_rng(0).integers(0, 3, 1001)
    order, starts = np.argsort(labels, kind="stable"), [0, *np.cumsum(np.bincount(labels)).tolist()]
    for arguments in [(None, [0, 1001]), (order, starts)]:
        found = native.gram(list(predictions), target, *arguments)
        for one, other in zip(found, reference.gram(list(predictions), target, *arguments), strict=True):
            assert one == pytest.approx(other, rel=1e-12, abs=1e-12)
        found = native.gram(list(predictions[..., 0]), target[:, 0], *arguments)
        for one, other in zip(found, reference.gram(predictions[..., 0], target[:, 0], *arguments), strict=True):
            assert one == pytest.approx(other, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("metric", [*SQUARED, *BY_ROW])
def test_huge_offsets_cost_no_digits(monkeypatch, metric):
    predictions, target = case(5, 500)
    shifted, _ = both(monkeypatch, predictions + 2.0**20, target + 2.0**20, metric)
    plain, _ = both(monkeypatch, predictions, target, metric)
    assert shifted.score == pytest.approx(plain.score, rel=1e-7)
    assert shifted.weights == pytest.approx(plain.weights, abs=1e-4)


@pytest.mark.parametrize("metric", [*SQUARED, *BY_ROW])
@pytest.mark.parametrize("options", [{"replacement": False}, {"bounds": (0, 0.5)}, {"bounds": (-0.05, 0.02)}])
def test_options(monkeypatch, metric, options):
    predictions, target = case(6, 200, 2)
    by_engine, by_reference = both(monkeypatch, predictions, target, metric, **options)
    assert_same(by_engine, by_reference, 1e-5)
    assert by_engine.weights == pytest.approx(by_reference.weights, abs=0.01)


@pytest.mark.parametrize("metric", [*SQUARED, *BY_ROW])
def test_duplicates_of_members_do_no_harm(monkeypatch, metric):
    predictions, target = case(3, 200)
    by_engine, by_reference = both(monkeypatch, np.concatenate([predictions, predictions]), target, metric)
    assert_same(by_engine, by_reference, 1e-4)
    assert by_engine.score == pytest.approx(hill_climb(predictions, target, metric).score, rel=1e-4)


@pytest.mark.parametrize("metric", [*SQUARED, *BY_ROW])
def test_a_member_without_error_is_taken_alone(monkeypatch, metric):
    predictions, target = case(3, 100, 2)
    predictions[1] = target
    for blend in both(monkeypatch, predictions, target, metric):
        assert blend.weights.tolist() == [0, 1, 0]
        assert blend.score == (1 if metric in ("r2", "weighted_r2") else 0)


def test_constant_columns(monkeypatch):
    predictions, target = case(4, 100, 5)
    target[:, 1] = 0.1
    target[:, 3] = -7
    predictions[:2, :, 1] = 0.1
    predictions[1:, :, 3] = -7
    by_engine, by_reference = both(monkeypatch, predictions, target, "r2")
    assert_same(by_engine, by_reference, 1e-9)
    assert by_engine.weights == pytest.approx(by_reference.weights, abs=1e-6)
    everywhere, _ = both(monkeypatch, predictions[:, :, 1:2], target[:, 1:2], "r2")
    assert everywhere.score == 1


@pytest.mark.parametrize("metric", [*SQUARED, *BY_ROW])
@pytest.mark.parametrize("columns", [None, 6])
def test_layouts_other_than_one_block_give_the_same(metric, columns):
    predictions, target = case(4, 150, columns)
    wanted = hill_climb(predictions, target, metric).score
    by_rows = np.ascontiguousarray(np.moveaxis(predictions, 0, -1))
    wide = np.repeat(predictions, 2, axis=-1)
    layouts = [
        list(predictions),
        np.moveaxis(by_rows, -1, 0),
        wide[..., ::2],
        np.asfortranarray(predictions),
        predictions[:, ::-1].copy()[:, ::-1],
        predictions.astype(">f8"),
    ]
    for layout in layouts:
        assert hill_climb(layout, target, metric).score == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("metric", PROBABILITIES)
@pytest.mark.parametrize("columns", [None, 3])
@pytest.mark.parametrize(("members", "rows"), [(1, 8), (3, 50), (5, 333)])
def test_probabilities(monkeypatch, metric, columns, members, rows):
    predictions, target = probabilities(members, rows, columns)
    by_engine, by_reference = both(monkeypatch, predictions, target, metric)
    assert_same(by_engine, by_reference, 1e-6)
    if metric != "logloss":
        assert [step.member for step in by_engine.trace] == [step.member for step in by_reference.trace]


@pytest.mark.parametrize("metric", ["accuracy", "auc"])
def test_ties_are_counted_alike(monkeypatch, metric):
    predictions, target = probabilities(4, 200)
    by_engine, by_reference = both(monkeypatch, np.round(predictions * 4) / 4, target, metric, step=0.25)
    assert by_engine.score == by_reference.score
    assert (by_engine.weights == by_reference.weights).all()


@pytest.mark.parametrize("metric", ["accuracy", "logloss"])
def test_classes(monkeypatch, metric):
    generator = np.random.default_rng(0)
    target = generator.integers(0, 5, 200)
    predictions = np.eye(5)[target] * 0.5 + generator.random((4, 200, 5))
    predictions /= predictions.sum(axis=-1, keepdims=True)
    by_engine, by_reference = both(monkeypatch, predictions, target, metric)
    assert_same(by_engine, by_reference, 1e-6)


def test_probabilities_of_nothing_are_clipped_alike(monkeypatch):
    predictions, target = probabilities(3, 100)
    predictions[0, :20], predictions[1, 10:40] = 0, 1
    by_engine, by_reference = both(monkeypatch, predictions, target, "logloss")
    assert_same(by_engine, by_reference, 1e-5)


def test_groups(monkeypatch):
    predictions, target = case(4, 200, 3)
    labels = np.random.default_rng(0).integers(0, 4, 200)
    for metric in [*SQUARED, *BY_ROW]:
        by_engine, by_reference = both(monkeypatch, predictions, target, metric, groups=labels, columns=[0, 1, 1])
        assert_same(by_engine, by_reference, 1e-3)
        assert by_engine.weights.shape == (4, 2, 4)


def test_absolute_error_comes_near_its_least_where_a_linear_program_finds_it(monkeypatch):
    linprog = pytest.importorskip("scipy.optimize").linprog
    for rows in (60, 500):
        predictions, target = case(5, rows)
        errors = predictions - target
        # least sum of t with -t <= w' errors <= t, over weights summing to one
        side = np.concatenate([np.hstack([errors.T, -np.eye(rows)]), np.hstack([-errors.T, -np.eye(rows)])])
        cost = np.append(np.zeros(5), np.full(rows, 1 / rows))
        total = np.append(np.ones(5), np.zeros(rows))[None]
        free = [(None, None)] * 5 + [(0, None)] * rows
        least = linprog(cost, side, np.zeros(2 * rows), total, [1], bounds=free).fun
        for blend in both(monkeypatch, predictions, target, "mae"):
            assert least * (1 - 1e-9) <= blend.score < least * 1.001
