"""Stacked regressions: weights that make the squared error least, their penalty and bounds, and an honest score."""

import numpy as np
import pytest
from scipy.optimize import minimize, nnls

from ctk.blend.nested_folds import split_rows
from ctk.components.metrics import LOGLOSS, MAE, MSE, R2
from ctk.components.stacking_blenders import NonNegativeStacking, RidgeStacking
from ctk.contract import Metric
from ctk.errors import UsageError
from ctk.samples import Gallery, Samples, Targets

ROWS, MEMBERS = 300, 5
NAMES = np.array(["green", "clover", "total"])
GROUPS = np.array(["parts", "parts", "sum"])


def samples_of(target, **more):
    return Samples(np.arange(len(target)), {}, target=target, **more)


@pytest.fixture(scope="module")
def wide():
    """Three columns of unlike spread, and members that are good at some of them; the last is the first turned round."""
    random = np.random.default_rng(1)
    target = random.standard_normal((ROWS, 3)) * [1, 3, 10] + [2, 5, 20]
    shared = random.standard_normal((1, ROWS, 3))
    level = random.uniform(0.2, 1.5, (MEMBERS, 1, 3))
    noise = level * (random.standard_normal((MEMBERS, ROWS, 3)) + shared) * target.std(axis=0)
    members = target + noise
    members[-1] = random.standard_normal((ROWS, 3)) - members[0]
    blocks = {"block": np.arange(ROWS) // 10}
    samples = samples_of(target, targets=Targets(NAMES, GROUPS), groups=blocks)
    return {f"m/seed-{number}": each.astype(np.float32) for number, each in enumerate(members)}, samples


@pytest.fixture(scope="module")
def likely():
    """Probabilities of three classes, some members surer than they should be."""
    random = np.random.default_rng(2)
    logits = random.standard_normal((ROWS, 3))
    numbers = np.array([random.choice(3, p=np.exp(row) / np.exp(row).sum()) for row in logits])
    members = {}
    for number, sharp in enumerate((0.5, 1.0, 4.0, -1.0)):
        grown = np.exp(sharp * (logits + 0.7 * random.standard_normal((ROWS, 3))))
        members[f"p/seed-{number}"] = (grown / grown.sum(1, keepdims=True)).astype(np.float32)
    return members, samples_of(np.eye(3)[numbers])


def design(oof, samples, scale=1.0):
    """Members' numbers side by side (R, M) and the target's (R,), columns scaled."""
    z = np.stack([(np.asarray(values, np.float64) * scale).ravel() for values in oof.values()], axis=1)
    return z, (samples.target_values() * scale).ravel()


def found(blend):
    return np.array(list(blend.weights.values()))


def constrained(z, y, total=None, penalty=0.0, prior=0.0):
    """Weights from 0 that make squares and penalty least, by a general minimiser."""
    scale = np.square(y).sum()
    sums = [{"type": "eq", "fun": lambda w: w.sum() - total}] if total else []
    solved = minimize(
        lambda w: (np.square(z @ w - y).sum() + penalty * np.square(w - prior).sum()) / scale,
        np.full(z.shape[1], 1 / z.shape[1]),
        bounds=[(0, None)] * z.shape[1],
        constraints=sums,
        options={"ftol": 1e-14, "maxiter": 1000},
        method="SLSQP",
    )
    return solved.x


@pytest.mark.parametrize(("towards", "prior"), [("equal", 1 / MEMBERS), ("zero", 0.0)])
def test_ridge_solves_the_penalised_normal_equations(wide, towards, prior):
    oof, samples = wide
    z, y = design(oof, samples)
    for alpha in (1e-6, 0.01, 10.0):
        penalty = alpha * np.square(z).sum() / MEMBERS
        expected = np.linalg.solve(z.T @ z + penalty * np.eye(MEMBERS), z.T @ y + penalty * prior)
        blend = RidgeStacking(alpha=alpha, towards=towards).fit(oof, samples, MSE)
        np.testing.assert_allclose(found(blend), expected, rtol=1e-6, atol=1e-9)
    far = RidgeStacking(alpha=1e9, towards=towards).fit(oof, samples, MSE)
    np.testing.assert_allclose(found(far), prior, atol=1e-6)


def test_nnls_is_the_least_squares_of_weights_from_zero(wide):
    oof, samples = wide
    weights = found(NonNegativeStacking().fit(oof, samples, MSE))
    z, y = design(oof, samples)
    np.testing.assert_allclose(weights, constrained(z, y), atol=1e-4)
    slope = z.T @ (z @ weights - y) / np.square(y).sum()  # as Karush, Kuhn and Tucker have it
    assert (weights >= 0).all()
    assert (slope >= -1e-9).all()
    np.testing.assert_allclose(slope * weights, 0, atol=1e-9)
    assert 0 < np.count_nonzero(weights) < MEMBERS


def test_weights_that_sum_to_one_are_the_best_of_those(wide):
    oof, samples = wide
    z, y = design(oof, samples)
    blend = NonNegativeStacking(sum_to_one=True).fit(oof, samples, MSE)
    assert found(blend).sum() == pytest.approx(1)
    np.testing.assert_allclose(found(blend), constrained(z, y, total=1), atol=1e-4)
    free = RidgeStacking(alpha=1e-12, sum_to_one=True).fit(oof, samples, MSE)
    errors = z - y[:, None]
    inverse = np.linalg.inv(errors.T @ errors).sum(axis=1)
    np.testing.assert_allclose(found(free), inverse / inverse.sum(), atol=1e-6)


@pytest.mark.parametrize("blender", [RidgeStacking(alpha=0.01), NonNegativeStacking()])
def test_a_blend_of_probabilities_is_one(likely, blender):
    oof, samples = likely
    blend = blender.fit(oof, samples, LOGLOSS)
    assert (found(blend) >= 0).all()
    assert found(blend).sum() == pytest.approx(1)
    np.testing.assert_allclose(blend.apply(oof).sum(axis=1), 1, rtol=1e-5)
    z, y = design(oof, samples)
    alpha = getattr(blender, "alpha", None) or 0.0
    penalty = alpha * np.square(z).sum() / len(oof)
    np.testing.assert_allclose(found(blend), constrained(z, y, 1, penalty, 1 / len(oof)), atol=1e-4)


def test_numbers_of_classes_are_taken_as_rows_with_a_single_one(likely):
    oof, samples = likely
    numbers = samples_of(samples.target.argmax(axis=1))
    expected = NonNegativeStacking().fit(oof, samples, LOGLOSS)
    assert NonNegativeStacking().fit(oof, numbers, LOGLOSS).weights == expected.weights


def test_columns_count_as_the_metric_counts_them_or_as_is_asked(wide):
    oof, samples = wide
    by_deviation = found(NonNegativeStacking().fit(oof, samples, R2))
    np.testing.assert_allclose(by_deviation, constrained(*design(oof, samples, 1 / samples.target.std(0))), atol=1e-4)
    asked = NonNegativeStacking(column_weights={"green": 0.0, "t*": 9.0})
    expected = constrained(*design(oof, samples, np.array([0, 1, 3])))
    np.testing.assert_allclose(found(asked.fit(oof, samples, R2)), expected, atol=1e-4)
    decided = Metric("mse", "min", MSE.score, climb="mse", columns=lambda samples: np.array([True, True, False]))
    expected = constrained(*design(oof, samples, np.array([1, 1, 0])))
    np.testing.assert_allclose(found(NonNegativeStacking().fit(oof, samples, decided)), expected, atol=1e-4)


@pytest.mark.parametrize("blender", [RidgeStacking, NonNegativeStacking])
def test_columns_may_have_weights_of_their_own(wide, blender):
    oof, samples = wide
    scores = []
    for weights in ("model", "group", "column"):
        blend = blender(weights=weights).fit(oof, samples, MSE)
        scores.append(blend.score)
        assert blend.score == MSE.score(blend.apply(oof), samples)
    assert scores[0] > scores[1] > scores[2]
    alone = {key: values[:, :1] for key, values in oof.items()}
    green = blender().fit(alone, samples_of(samples.target[:, :1]), MSE)
    assert [own[0] for own in blend.by_group.values()] == pytest.approx(list(green.weights.values()))
    assert (blend.column_groups, blend.group_of_column) == (NAMES.tolist(), [0, 1, 2])


def test_alpha_is_the_one_with_the_least_error_on_rows_that_weights_were_not_found_on(wide):
    """Of few rows and members that are all alike, a small penalty learns chance, and a large one forgoes nothing."""
    random = np.random.default_rng(3)
    target = random.standard_normal((24, 1))
    oof = {f"m/seed-{number}": target + random.standard_normal((24, 1)) for number in range(12)}
    samples = samples_of(target)
    chosen = RidgeStacking().fit(oof, samples, MSE)
    name = "mse by weights of other rows"
    unseen = {alpha: RidgeStacking(alpha=alpha).fit(oof, samples, MSE).trace[0][name] for alpha in (1e-6, 0.1, 10.0)}
    assert chosen.trace[0][name] <= min(unseen.values()) * (1 + 1e-3)
    assert chosen.trace[0]["alpha"] > 1e-3
    assert chosen.trace[0][name] < unseen[1e-6]
    many, wide_samples = wide
    assert RidgeStacking().fit(many, wide_samples, MSE).trace[0]["alpha"] < chosen.trace[0]["alpha"]


def test_the_score_by_weights_of_other_rows_is_that_of_blends_found_without_them(wide):
    oof, samples = wide
    blend = NonNegativeStacking(folds=3, apart="block").fit(oof, samples, MAE)
    assert blend.trace[0]["mae"] == blend.score == MAE.score(blend.apply(oof), samples)
    parts = split_rows(ROWS, 3, samples.group("block"), np.random.default_rng(0))
    unseen = np.empty((ROWS, 3), np.float32)
    for part in range(3):
        own, rest = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
        assert not np.isin(samples.group("block")[own], samples.group("block")[rest]).any()
        weights, _ = nnls(*design({key: values[rest] for key, values in oof.items()}, samples.take(rest)))
        unseen[own] = np.tensordot(weights, np.stack([values[own] for values in oof.values()]), 1)
    assert blend.trace[0]["mae by weights of other rows"] == pytest.approx(MAE.score(unseen, samples), rel=1e-5)


def test_members_that_are_the_same_or_no_good_still_have_weights(wide):
    oof, samples = wide
    one = next(iter(oof.values()))
    twins = RidgeStacking().fit({"a": one, "b": one.copy()}, samples, MSE)
    assert twins.weights["a"] == pytest.approx(twins.weights["b"])
    centred = samples_of(samples.target - samples.target.mean(axis=0))
    against = {"a": -centred.target, "b": -2 * centred.target}
    assert NonNegativeStacking().fit(against, centred, MSE).weights == {"a": 0.5, "b": 0.5}


def test_a_single_row_and_a_single_member_have_weights(wide):
    oof, samples = wide
    first = {key: values[:1] for key, values in oof.items()}
    assert np.isfinite(found(RidgeStacking().fit(first, samples.take(np.arange(1)), MSE))).all()
    alone = {"m": oof["m/seed-0"]}
    assert NonNegativeStacking(sum_to_one=True).fit(alone, samples, MSE).weights == {"m": pytest.approx(1)}


def test_where_directions_are_compared_rows_are_scaled_first():
    random = np.random.default_rng(5)
    gallery = Gallery(random.standard_normal((8, 4)).astype(np.float32), np.array([f"thing-{n}" for n in range(8)]))
    samples = Samples(np.arange(40), {}, target=np.arange(40) % 8, gallery=gallery)
    vectors = samples.target_values()
    oof = {"near": 9 * (vectors + 0.1), "far": vectors + random.standard_normal(vectors.shape)}
    metric = Metric("mse", "min", lambda blend, samples: float(np.square(blend - samples.target_values()).mean()))
    blend = NonNegativeStacking().fit(oof, samples, metric)
    assert blend.normalise
    longer = {"near": 2 * oof["near"], "far": 5 * oof["far"]}
    assert NonNegativeStacking().fit(longer, samples, metric).weights == pytest.approx(blend.weights, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": "column"}, "columns of these samples' target have no names"),
        ({"column_weights": {"green": 1.0}}, "'green' is no column"),
        ({"apart": "date"}, "no group 'date'"),
    ],
)
def test_what_the_samples_have_not_is_refused(wide, options, said):
    oof, samples = wide
    plain = samples_of(samples.target)
    for ask in (
        lambda blender: blender.check(list(oof), plain, MSE),
        lambda blender: blender.fit(oof, plain, MSE),
    ):
        with pytest.raises(UsageError, match=said):
            ask(NonNegativeStacking(**options))


def test_predictions_of_another_width_than_the_target_are_refused(wide):
    oof, samples = wide
    with pytest.raises(UsageError, match="predictions of 3 columns with the target, which has 2"):
        NonNegativeStacking().fit(oof, samples_of(samples.target[:, :2]), MSE)
