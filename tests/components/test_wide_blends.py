"""Blends of wide targets: weights by member, by group of columns and by column, found exactly and applied from disk."""

import json

import numpy as np
import pytest

from ctk.blend import cross_validated_score
from ctk.components.blenders import Mean
from ctk.components.hill_climbs import HillClimb
from ctk.contract import Blend, Metric
from ctk.contract.blender import BLOCK
from ctk.errors import UsageError
from ctk.files import read_json, write_json
from ctk.samples import Samples, Targets

ROWS, MEMBERS = 600, 4
GROUPS = np.array(["winds", "winds", "winds", "rain", "sun", "sun", "still"])
"""A member is good at some of them; "still" is constant, and known without members."""


def r2(prediction, samples):
    from sklearn.metrics import r2_score

    return float(r2_score(samples.target, prediction))


R2 = Metric("mean_r2", "max", r2, climb="r2", columns=lambda samples: np.ptp(samples.target, axis=0) > 0)
SLOW = Metric("slow_r2", "max", r2)


@pytest.fixture(scope="module")
def samples():
    random = np.random.default_rng(1)
    target = random.standard_normal((ROWS, len(GROUPS))) * 10.0 ** np.arange(-3, 4)
    target[:, -1] = 0
    names = np.array([f"column-{number}" for number in range(len(GROUPS))])
    return Samples(np.arange(ROWS), {}, target=target, targets=Targets(names, GROUPS))


@pytest.fixture(scope="module")
def oof(samples):
    random = np.random.default_rng(2)
    level = random.uniform(0.2, 2, (MEMBERS, 1, len(GROUPS)))
    shared = random.standard_normal((1, ROWS, len(GROUPS)))
    noise = level * (random.standard_normal((MEMBERS, ROWS, len(GROUPS))) + 0.5 * shared)
    predictions = samples.target + samples.target.std(axis=0) * noise
    return {f"m/seed-{number}": each.astype(np.float32) for number, each in enumerate(predictions)}


def with_exact_column(blend, oof, samples):
    blended = blend.apply(oof)
    blended[:, -1] = samples.target[:, -1]
    return blended


@pytest.fixture(scope="module")
def blends(oof, samples):
    return {weights: HillClimb(weights=weights).fit(oof, samples, R2) for weights in ("model", "group", "column")}


def test_weights_of_their_own_fit_columns_better(blends, oof, samples):
    scores = [r2(with_exact_column(blend, oof, samples), samples) for blend in blends.values()]
    assert scores[0] < scores[1] < scores[2]


def test_the_score_of_a_blend_is_the_runs_own_metric_of_it(blends, oof, samples):
    for blend in blends.values():
        assert blend.score == r2(blend.apply(oof), samples)


def test_weights_by_model_are_least_squares_over_the_columns_that_members_decide(blends, oof, samples):
    deviation = samples.target[:, :-1].std(axis=0)
    errors = [((values - samples.target)[:, :-1] / deviation).ravel() for values in oof.values()]
    inverse = np.linalg.inv(np.array(errors) @ np.array(errors).T).sum(axis=1)
    assert list(blends["model"].weights.values()) == pytest.approx(inverse / inverse.sum(), abs=1e-6)


def test_exact_steps_do_not_lose_to_those_that_call_the_metric(blends, oof, samples):
    called = HillClimb(weights="model").fit(oof, samples, SLOW)
    blended = with_exact_column(blends["model"], oof, samples)
    assert r2(blended, samples) >= r2(with_exact_column(called, oof, samples), samples) - 1e-9


def test_a_columns_weights_are_those_of_a_climb_on_it_alone(blends, oof, samples):
    blend = blends["column"]
    assert blend.column_groups == samples.targets.names.tolist()
    for column in (0, 4):
        alone = Samples(samples.ids, {}, target=samples.target[:, [column]])
        found = HillClimb().fit({key: values[:, [column]] for key, values in oof.items()}, alone, R2)
        assert [blend.by_group[key][column] for key in oof] == pytest.approx(list(found.weights.values()), abs=1e-9)


def test_columns_that_members_do_not_decide_get_the_mean_weights(blends):
    by_column = blends["column"]
    for weights in by_column.by_group.values():
        assert weights[-1] == pytest.approx(np.mean(weights[:-1]))
    by_group = blends["group"]
    assert by_group.column_groups == ["winds", "rain", "sun", "still"]
    for weights in by_group.by_group.values():
        assert weights[-1] == pytest.approx(np.average(weights[:-1], weights=[3, 1, 2]))


def test_weights_of_each_group_sum_to_one_and_the_members_are_their_mean(blends):
    for blend in blends.values():
        assert sum(blend.weights.values()) == pytest.approx(1)
    for blend in (blends["group"], blends["column"]):
        assert np.sum(list(blend.by_group.values()), axis=0) == pytest.approx(np.ones(len(blend.column_groups)))
        for key, weights in blend.by_group.items():
            assert blend.weights[key] == pytest.approx(np.mean(np.array(weights)[blend.group_of_column]))


def test_the_trace_of_grouped_weights_has_a_row_a_group(blends):
    for blend in (blends["group"], blends["column"]):
        assert [step["group"] for step in blend.trace] == ["winds", "rain", "sun"]
        assert [step["columns"] for step in blend.trace] == [3, 1, 2]
        assert all(step["r2"] > step["its r2"] for step in blend.trace)


def test_negative_weights_come_where_bounds_allow_them(samples):
    random = np.random.default_rng(3)
    error = random.standard_normal(samples.target.shape) * samples.target.std(axis=0)
    own = random.standard_normal(samples.target.shape) * samples.target.std(axis=0)
    oof = {"good": (samples.target + error).astype(np.float32)}
    oof["its error and more"] = (samples.target + 2 * error + 0.3 * own).astype(np.float32)
    for weights in ("model", "column"):
        free = HillClimb(weights=weights).fit(oof, samples, R2)
        bounded = HillClimb(weights=weights, low=0).fit(oof, samples, R2)
        assert free.weights["its error and more"] < -0.3
        assert bounded.weights["its error and more"] == 0


def test_a_saved_blend_reads_back_as_it_was(blends, oof, tmp_path):
    for blend in blends.values():
        write_json(tmp_path / "blend.json", vars(blend))
        again = Blend(**read_json(tmp_path / "blend.json"))
        assert again == blend
        assert np.array_equal(again.apply(oof), blend.apply(oof))
    assert json.loads((tmp_path / "blend.json").read_text())["column_groups"][0] == "column-0"


@pytest.mark.parametrize("normalise", [False, True])
def test_a_blend_is_the_same_whatever_rows_it_is_summed_by(monkeypatch, blends, oof, normalise):
    blend = Blend(**{**vars(blends["group"]), "normalise": normalise})
    members = {
        key: values / np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True) if normalise else values
        for key, values in oof.items()
    }
    expected = sum(
        values.astype(np.float64) * np.array(blend.by_group[key])[blend.group_of_column]
        for key, values in members.items()
    )
    assert blend.apply(oof) == pytest.approx(expected.astype(np.float32), rel=1e-6)
    whole = blend.apply(oof)
    monkeypatch.setattr("ctk.contract.blender.BLOCK", 50)
    assert np.array_equal(blend.apply(oof), whole)


def test_a_blend_is_double_where_a_member_is():
    predictions = {"file": np.array([[1e-50, 1.0]]), "network": np.zeros((1, 2), np.float32)}
    blend = Blend({"file": 0.5, "network": 0.5})
    assert blend.apply(predictions).tolist() == [[5e-51, 0.5]]
    assert blend.apply({key: values.astype(np.float32) for key, values in predictions.items()}).dtype == np.float32


def test_predictions_of_another_shape_are_refused_by_name():
    with pytest.raises(ValueError, match=r"b: predictions are of shape \(3, 2\), \(4, 2\) is needed"):
        Blend({"a": 0.5, "b": 0.5}).apply({"a": np.zeros((4, 2)), "b": np.zeros((3, 2))})
    wide = Blend({"a": 1.0}, column_groups=["x", "y"], group_of_column=[0, 0, 1], by_group={"a": [1.0, 1.0]})
    with pytest.raises(ValueError, match=r"a: predictions are of shape \(4, 2\), \(4, 3\) is needed"):
        wide.apply({"a": np.zeros((4, 2))})


def test_a_member_without_weight_need_not_be_there():
    assert Blend({"a": 1.0, "b": 0.0}).apply({"a": np.ones((2, 2), np.float32)}).tolist() == [[1, 1], [1, 1]]


def test_weights_by_group_need_groups_and_a_metric_of_columns(oof, samples):
    with pytest.raises(UsageError, match="columns of these samples' target have no names"):
        HillClimb(weights="group").fit(oof, Samples(samples.ids, {}, target=samples.target), R2)
    with pytest.raises(UsageError, match="slow_r2 is of all columns together"):
        HillClimb(weights="column").fit(oof, samples, SLOW)


def test_weights_given_by_hand_are_taken_in_order():
    oof = {"a": np.empty(0), "b": np.empty(0)}
    samples = Samples(np.arange(0), {})
    assert Mean(weights=[0.7, -0.1]).fit(oof, samples, R2).weights == {"a": 0.7, "b": -0.1}
    assert Mean().fit(oof, samples, R2).weights == {"a": 0.5, "b": 0.5}
    with pytest.raises(UsageError, match="3 weights for 2 members") as raised:
        Mean(weights=[1, 2, 3]).fit(oof, samples, R2)
    assert "a, b" in raised.value.help
    with pytest.raises(UsageError, match="all of them are zero"):
        Mean(weights=[0, 0]).fit(oof, samples, R2)
    with pytest.raises(UsageError, match="not all finite"):
        Mean(weights=[1, np.nan]).fit(oof, samples, R2)


def test_members_that_are_everywhere_alike_gain_nothing_from_weights_a_column():
    """Where a member is no better at one column than at another, a column's own weights learn chance."""
    random = np.random.default_rng(4)
    rows, columns, members = 60, 40, 8
    target = random.standard_normal((rows, columns))
    predictions = target + random.standard_normal((members, rows, columns))
    scores = [
        cross_validated_score(predictions, target, "r2", columns=labels).score for labels in (None, range(columns))
    ]
    assert scores[0] > scores[1] + 0.01


def test_members_that_are_good_at_different_columns_are_worth_weights_of_their_own():
    """On rows that the weights have not seen, too."""
    random = np.random.default_rng(5)
    rows, groups = 400, np.repeat(range(4), 6)
    target = random.standard_normal((rows, len(groups)))
    by_group, by_column = random.uniform(0.2, 1, (4, 4))[:, groups], random.uniform(0.2, 1, (4, len(groups)))
    predictions = target + (by_group * by_column)[:, None] * random.standard_normal((4, *target.shape))
    model, group, column = (
        cross_validated_score(predictions, target, "r2", columns=labels).score
        for labels in (None, groups.tolist(), range(len(groups)))
    )
    assert model + 0.005 < group
    assert group + 0.005 < column


def test_a_constant_column_that_one_member_meets_is_kept_where_that_is_worth_it():
    """As the metric has it: an exact constant column counts 1, any other 0 (force_finite)."""
    random = np.random.default_rng(6)
    target = random.standard_normal((200, 3))
    target[:, 2] = 7
    exact, better = target + random.standard_normal((2, *target.shape)) * [[[1.0]], [[0.5]]]
    exact[:, 2], better[:, 2] = 7, 7.5
    samples = Samples(np.arange(200), {}, target=target)
    oof = {"exact": exact, "better": better}
    every = Metric("r2", "max", r2, climb="r2")
    blend = HillClimb().fit(oof, samples, every)
    best = max(r2(share * exact + (1 - share) * better, samples) for share in np.linspace(-1, 1, 201))
    assert blend.score >= best - 1e-9
    assert blend.score == pytest.approx(HillClimb().fit(oof, samples, SLOW).score, abs=1e-3)


def test_a_large_blend_needs_little_beside_its_result():
    from ctk.bench.memory import of_process

    members = {str(number): np.ones((4 * BLOCK // 64, 64), np.float32) for number in range(3)}
    blend = Blend({"0": 0.5, "1": 0.25, "2": 0.25})
    blend.apply(members)
    assert of_process(lambda: blend.apply(members)) < 6 * BLOCK * 8
