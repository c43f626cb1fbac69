"""What a climb promises: honest scores, weights that sum to one, the optimum where there is one."""

import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from ctk.blend import BlendResult, hill_climb
from ctk.blend.inputs import ROWS, read
from ctk.blend.scores import find_metric

REGRESSION = ["mse", "rmse", "r2", "weighted_r2", "mae", "smooth_l1"]
BINARY = ["logloss", "accuracy", "auc"]


def regression(members=5, rows=400, columns=None, seed=0, dtype=np.float64):
    generator = np.random.default_rng(seed)
    shape = (rows,) if columns is None else (rows, columns)
    target = generator.standard_normal(shape)
    noise = generator.standard_normal((members, *shape)) + 0.3 * generator.standard_normal(shape)
    spread = np.linspace(0.4, 0.9, members).reshape(-1, *[1] * len(shape))
    return (target + spread * noise + 0.1).astype(dtype), target.astype(dtype)


def binary(members=5, rows=400, columns=None, seed=0):
    predictions, target = regression(members, rows, columns, seed)
    return 1 / (1 + np.exp(-2 * predictions)), (target > 0.2).astype(np.int64)


def blend_of(weights, predictions):
    return np.tensordot(weights, predictions.astype(np.float64), axes=1)


def errors_of(predictions, target):
    return (predictions.astype(np.float64) - target).reshape(len(predictions), -1)


def least_squares(errors):
    """Weights summing to one with the least squared error (Lagrange): G^-1 1, scaled."""
    weights = np.linalg.solve(errors @ errors.T, np.ones(len(errors)))
    return weights / weights.sum()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [None, 3])
@pytest.mark.parametrize(
    ("metric", "judge"),
    [
        ("mse", sk.mean_squared_error),
        ("rmse", sk.root_mean_squared_error),
        ("r2", sk.r2_score),
        ("mae", sk.mean_absolute_error),
    ],
)
def test_the_score_is_scikit_learns_score_of_the_blend(metric, judge, columns, dtype):
    predictions, target = regression(columns=columns, dtype=dtype)
    blend = hill_climb(predictions, target, metric)
    assert blend.score == pytest.approx(judge(target, blend_of(blend.weights, predictions)), rel=1e-6)
    assert blend.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("metric", "judge"),
    [
        ("logloss", sk.log_loss),
        ("accuracy", lambda target, blend: sk.accuracy_score(target, blend > 0.5)),
        ("auc", sk.roc_auc_score),
    ],
)
def test_the_score_is_scikit_learns_score_of_a_blend_of_probabilities(metric, judge):
    predictions, target = binary()
    blend = hill_climb(predictions, target, metric, bounds=(0, 0.5))
    assert blend.score == pytest.approx(judge(target, blend_of(blend.weights, predictions)))


@pytest.mark.parametrize("metric", ["logloss", "accuracy"])
def test_several_classes_are_scored_as_scikit_learn_does(metric):
    generator = np.random.default_rng(4)
    target = generator.integers(0, 4, 300)
    logits = np.eye(4)[target] + generator.standard_normal((5, 300, 4))
    predictions = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    blend = hill_climb(predictions, target, metric, bounds=(0, 0.5))
    mixed = blend_of(blend.weights, predictions)
    best_alone = hill_climb(predictions, target, metric, max_rounds=1).score
    if metric == "logloss":
        assert blend.score == pytest.approx(sk.log_loss(target, mixed))
        assert blend.score < best_alone
    else:
        assert blend.score == pytest.approx((mixed.argmax(axis=1) == target).mean())
        assert blend.score > best_alone


def test_smooth_l1_is_torchs():
    predictions, target = regression(columns=2)
    predictions[:, ::7] *= 5
    blend = hill_climb(predictions, target, "smooth_l1")
    mixed = torch.from_numpy(blend_of(blend.weights, predictions))
    assert blend.score == pytest.approx(torch.nn.functional.smooth_l1_loss(mixed, torch.from_numpy(target)).item())


def test_weighted_r2_is_one_r2_over_all_numbers():
    predictions, target = regression(columns=3)
    weights = np.array([0.1, 0.2, 0.5])
    blend = hill_climb(predictions, target, "weighted_r2", column_weights=weights)
    judge = sk.r2_score(
        target.ravel(), blend_of(blend.weights, predictions).ravel(), sample_weight=np.tile(weights, len(target))
    )
    assert blend.score == pytest.approx(judge)


@pytest.mark.parametrize(
    ("metric", "judge"), [("r2", sk.r2_score), ("mae", sk.mean_absolute_error), ("mse", sk.mean_squared_error)]
)
def test_column_weights_are_scikit_learns_multioutput(metric, judge):
    predictions, target = regression(columns=3)
    blend = hill_climb(predictions, target, metric, column_weights=[1, 2, 0])
    mixed = blend_of(blend.weights, predictions)
    assert blend.score == pytest.approx(judge(target, mixed, multioutput=np.array([1, 2, 0]) / 3))
    assert blend.weights == pytest.approx(
        hill_climb(predictions[..., :2], target[..., :2], metric, column_weights=[1, 2]).weights, abs=1e-6
    )


@pytest.mark.parametrize("members", [2, 5, 12])
def test_with_replacement_squared_error_comes_to_the_least_squares_optimum(members):
    predictions, target = regression(members)
    errors = errors_of(predictions, target)
    best = least_squares(errors)
    blend = hill_climb(predictions, target, "mse", tolerance=1e-14)
    assert blend.weights == pytest.approx(best, abs=1e-4)
    assert blend.score == pytest.approx(((best @ errors) ** 2).mean(), rel=1e-9)


@pytest.mark.parametrize("metric", ["mae", "smooth_l1", "rmse"])
def test_no_single_step_betters_where_the_climb_ends(metric):
    predictions, target = regression(4, 300, columns=2)
    blend = hill_climb(predictions, target, metric, tolerance=0)
    judge = {
        "mae": lambda error: np.abs(error).mean(),
        "smooth_l1": lambda error: np.where(abs(error) < 1, error**2 / 2, abs(error) - 0.5).mean(),
        "rmse": lambda error: np.sqrt((error**2).mean(axis=0)).mean(),
    }[metric]
    mixed = blend_of(blend.weights, predictions)
    for member in predictions:
        for share in np.linspace(-0.5, 0.5, 201):
            assert judge(mixed + share * (member - mixed) - target) > blend.score * (1 - 1e-9)


@pytest.mark.parametrize("metric", [metric for metric in REGRESSION if metric != "mae"])
def test_each_step_betters_the_score_and_the_last_is_the_blends(metric):
    predictions, target = regression(columns=2)
    blend = hill_climb(predictions, target, metric)
    scores = np.array([step.score for step in blend.trace])
    gains = np.diff(scores) if metric in ("r2", "weighted_r2") else -np.diff(scores)
    assert (gains > 0).all()
    assert len(scores) > 2
    assert scores[-1] == pytest.approx(blend.score, rel=1e-6)


def test_steps_past_kinks_better_the_score_together():
    predictions, target = regression(columns=2)
    blend = hill_climb(predictions, target, "mae")
    scores = np.array([step.score for step in blend.trace])
    alone = len(scores) - len(predictions)  # the last steps are to all members in turn
    assert (np.diff(scores[:alone]) < 0).all()
    assert (scores[:alone] > scores[-1]).all()
    assert scores[-1] == pytest.approx(blend.score, rel=1e-6)


def test_the_trace_makes_the_weights():
    predictions, target = regression()
    blend = hill_climb(predictions, target, "mae")
    weights = np.zeros(len(predictions))
    for step in blend.trace:
        weights *= 1 - step.share
        weights[step.member] += step.share
    assert weights == pytest.approx(blend.weights)


@pytest.mark.parametrize("metric", [*REGRESSION, *BINARY])
def test_without_replacement_each_member_is_taken_once(metric):
    predictions, target = binary() if metric in BINARY else regression()
    taken = [step.member for step in hill_climb(predictions, target, metric, replacement=False).trace]
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize("metric", [*REGRESSION, *BINARY])
def test_shares_stay_in_their_bounds(metric):
    predictions, target = binary() if metric in BINARY else regression()
    steps = list(hill_climb(predictions, target, metric, bounds=(0, 0.07)).trace)[1:]
    assert steps
    assert all(0 < step.share <= 0.07 + 1e-9 for step in steps)


def test_any_metric_is_climbed_on_its_grid():
    predictions, target = regression()

    def correlation(target, blend):
        return float(np.corrcoef(target, blend)[0, 1])

    blend = hill_climb(predictions, target, correlation)
    assert blend.score == pytest.approx(correlation(target, blend_of(blend.weights, predictions)))
    assert blend.score > max(correlation(target, member) for member in predictions)
    assert all(step.share * 100 == pytest.approx(round(step.share * 100)) for step in blend.trace)


def test_a_metric_of_ones_own_that_is_to_be_small_says_so():
    predictions, target = regression()
    by_argument = hill_climb(predictions, target, sk.mean_squared_error, maximize=False)

    def error(target, blend):
        return sk.mean_squared_error(target, blend)

    error.maximize = False
    by_attribute = hill_climb(predictions, target, error)
    assert by_argument.score == by_attribute.score
    assert by_argument.score < min(sk.mean_squared_error(target, member) for member in predictions)


def test_a_constant_column_counts_one_only_while_it_is_met_exactly():
    generator = np.random.default_rng(0)
    target = generator.standard_normal((200, 3))
    target[:, 1] = 4
    predictions = target + 0.5 * generator.standard_normal((3, 200, 3))
    predictions[:2, :, 1] = 4
    predictions[2, :, 0] = target[:, 0]  # good, but it spoils the constant column
    blend = hill_climb(predictions, target, "r2")
    assert blend.score == pytest.approx(sk.r2_score(target, blend_of(blend.weights, predictions)))
    assert blend.weights[2] == 0
    assert blend.score > 1 / 3


def test_bags_draw_half_of_the_members_by_seed():
    predictions, target = regression(6)
    one = hill_climb(predictions, target, "mse", bags=5, seed=1)
    assert (one.weights == hill_climb(predictions, target, "mse", bags=5, seed=1).weights).all()
    assert (one.weights != hill_climb(predictions, target, "mse", bags=5, seed=2).weights).any()
    assert one.weights.sum() == pytest.approx(1)
    assert one.score == pytest.approx(sk.mean_squared_error(target, blend_of(one.weights, predictions)))
    assert sum(step.share == 1 for step in one.trace) == 5


def test_progress_hears_of_the_newest_step():
    predictions, target = regression()
    heard = []
    blend = hill_climb(predictions, target, "mae", progress=heard.append)
    assert heard[-1] == blend.trace[-1]


def test_a_time_limit_ends_the_climb_with_what_it_has():
    predictions, target = regression()
    blend = hill_climb(predictions, target, lambda target, blend: -float(np.abs(target - blend).sum()), time_limit=1e-9)
    assert len(blend.trace) == 1
    assert blend.weights.max() == 1


def test_torch_tensors_are_read_where_they_lie():
    predictions, target = regression(dtype=np.float32)
    blend = hill_climb(torch.from_numpy(predictions), torch.from_numpy(target), "mae")
    assert (blend.weights == hill_climb(predictions, target, "mae").weights).all()


def test_importing_and_climbing_arrays_needs_no_torch():
    code = (
        "import sys, numpy as np, ctk.blend as b; y = np.arange(9.0);"
        "b.hill_climb([y + 1, y - 1], y, 'r2'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_is_given_is_not_changed():
    predictions, target = regression()
    before = predictions.copy()
    for metric in REGRESSION:
        hill_climb(predictions, target, metric, column_weights=None)
    assert (predictions == before).all()


@pytest.mark.parametrize("metric", [*REGRESSION, *BINARY])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_named(metric, wrong):
    predictions, target = binary(columns=2) if metric in BINARY else regression(columns=2)
    predictions[3, 17, 1] = wrong
    with pytest.raises(ValueError, match="member 3, row 17, column 1"):
        hill_climb(predictions, target, metric)


def test_a_target_that_is_not_finite_is_named():
    predictions, target = regression()
    target[5] = np.nan
    with pytest.raises(ValueError, match="target, row 5: nan"):
        hill_climb(predictions, target, "r2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "r3"}, "did you mean 'r2'"),
        ({"metric": "nothing at all"}, "known are mse"),
        ({"predictions": []}, "nothing to blend"),
        ({"predictions": np.zeros((2, 0)), "target": np.zeros(0)}, "nothing to blend"),
        ({"predictions": np.zeros((2, 3, 4, 5))}, "are \\(M, N\\) or"),
        ({"predictions": [np.zeros(4), np.zeros(5)]}, "member 1 is of shape"),
        ({"target": np.zeros(3)}, "target is of shape"),
        ({"predictions": np.array([["a"] * 4])}, "numbers are needed"),
        ({"bounds": (0.1, 0.5)}, "have 0 between"),
        ({"bounds": (0, 0)}, "have 0 between"),
        ({"step": 0}, "above zero"),
        ({"max_rounds": 0}, "at least 1"),
        ({"max_rounds": 2.5}, "whole number"),
        ({"patience": 10**20}, "below 2"),
        ({"metric": "accuracy", "target": np.array([0, 1, 1, 0]), "step": 1e-9}, "more than 100,000 shares"),
        ({"patience": 0}, "at least 1"),
        ({"bags": 0}, "at least 1"),
        ({"tolerance": -1}, "zero or more"),
        ({"time_limit": 0}, "some seconds"),
        ({"maximize": True}, "leave maximize out"),
        ({"metric": "auc", "target": np.array([0, 1, 2, 0])}, "row 2: 2 is no class"),
        ({"metric": "auc", "target": np.ones(4)}, "both classes"),
        ({"metric": "auc", "target": np.array(["a"] * 4)}, "whole numbers"),
        ({"column_weights": [1, 2]}, "for 1 columns"),
        ({"column_weights": [-1]}, "finite and not negative"),
        ({"metric": "smooth_l1", "column_weights": [1]}, "has no column weights"),
        ({"groups": [1, 2]}, "one label for each"),
        ({"columns": [1]}, "no columns of their own"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(change, message):
    arguments = {"predictions": np.zeros((2, 4)), "target": np.arange(4.0), "metric": "mse"} | change
    with pytest.raises(ValueError, match=message):
        hill_climb(arguments.pop("predictions"), arguments.pop("target"), arguments.pop("metric"), **arguments)


def test_weights_of_groups_are_those_of_climbs_on_each_group():
    predictions, target = regression(rows=300)
    labels = np.array(["b", "a", "c"])[np.random.default_rng(1).integers(0, 3, 300)]
    blend = hill_climb(predictions, target, "mae", groups=labels)
    assert blend.weights.shape == (3, 5)
    for number, label in enumerate("abc"):
        rows = labels == label
        assert blend.weights[number] == pytest.approx(hill_climb(predictions[:, rows], target[rows], "mae").weights)
    assert blend.score == pytest.approx(sk.mean_absolute_error(target, blend.apply(predictions, labels)))


@pytest.mark.parametrize("metric", REGRESSION)
def test_weights_of_groups_and_columns_score_as_their_blend_does(metric):
    predictions, target = regression(rows=300, columns=4)
    labels = np.random.default_rng(1).integers(5, 8, 300)
    common = hill_climb(predictions, target, metric)
    blend = hill_climb(predictions, target, metric, groups=labels, columns=["x", "y", "x", "z"])
    assert blend.weights.shape == (3, 3, 5)
    assert blend.weights.sum(axis=-1) == pytest.approx(np.ones((3, 3)))
    mixed = blend.apply(predictions, labels)
    again = hill_climb(mixed[None], target, metric)
    assert blend.score == pytest.approx(again.score)
    assert common.score < blend.score if metric in ("r2", "weighted_r2") else blend.score < common.score
    assert {step.cell for step in blend.trace} == {(row, column) for row in range(3) for column in range(3)}


def test_grouped_weights_apply_to_tensors_and_to_new_rows():
    predictions, target = regression(rows=300, columns=2, dtype=np.float32)
    labels = np.random.default_rng(1).integers(0, 3, 300)
    blend = hill_climb(predictions, target, "r2", groups=labels, columns=[0, 1])
    some = np.array([2, 0, 2])
    by_hand = np.stack(
        [
            [blend.weights[group, column] @ predictions[:, row, column] for column in range(2)]
            for row, group in enumerate(some)
        ]
    )
    assert blend.apply(list(predictions[:, :3]), some) == pytest.approx(by_hand, rel=1e-5)
    assert blend.apply(torch.from_numpy(predictions[:, :3]), some).numpy() == pytest.approx(by_hand, rel=1e-5)
    with pytest.raises(ValueError, match="row 1: group 9"):
        blend.apply(predictions[:, :2], [0, 9])
    with pytest.raises(ValueError, match="give the rows' labels"):
        blend.apply(predictions)
    with pytest.raises(ValueError, match="leave the labels out"):
        hill_climb(predictions, target, "r2").apply(predictions, labels)


def test_grouped_weights_of_whole_numbers_are_not_cut_to_whole_numbers():
    predictions = np.random.default_rng(0).integers(0, 9, (3, 40))
    groups = np.arange(40) % 2
    blend = hill_climb(predictions, predictions.mean(0), "r2", groups=groups)
    expected = blend.apply(list(predictions), groups)
    applied = blend.apply([torch.from_numpy(each) for each in predictions], groups)
    np.testing.assert_allclose(applied.numpy(), expected, rtol=1e-6)
    assert blend != hill_climb(predictions, predictions.mean(0), "r2")  # arrays inside: compared by identity


def test_blend_is_still_plain_for_weights_without_groups():
    assert BlendResult(np.array([0.25, 0.75]), 0.0, ()).apply([np.array([4.0]), np.array([8.0])]).tolist() == [7.0]
    with pytest.raises(ValueError, match="1 members for 2 weights"):
        BlendResult(np.array([0.25, 0.75]), 0.0, ()).apply([np.array([4.0])])


@pytest.mark.parametrize("metric", ["mae", "r2"])
def test_a_long_climb_can_be_interrupted(metric):
    """Ctrl-C is a signal whose handler raises; the engine must let it run long before the work is done."""
    target = np.zeros(1_000_000, dtype=np.float32)
    members = [np.random.default_rng(seed).standard_normal(len(target), dtype=np.float32) for seed in range(4)]

    class Interrupted(Exception):
        pass

    def interrupt(number, frame):
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Interrupted):
            hill_climb(members * (500 if metric == "r2" else 25), target, metric, tolerance=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_squared_errors_take_members_of_both_dtypes_where_they_lie():
    random = np.random.default_rng(5)
    target = random.standard_normal((300, 4))
    single = (target + random.standard_normal((2, 300, 4))).astype(np.float32)
    mixed = [single[0], single[1].astype(np.float64)]
    read_as = read(mixed, target, find_metric("r2", None))
    assert all(np.shares_memory(one, other) for one, other in zip(read_as.members, mixed, strict=True))
    assert hill_climb(mixed, target, "r2").weights == pytest.approx(hill_climb(single, target, "r2").weights, abs=1e-12)
    assert len({member.dtype for member in read(mixed, target, find_metric("mae", None)).members}) == 1


def test_a_number_that_is_not_finite_is_named_wherever_it_lies():
    target = np.zeros((ROWS + 10, 2))
    member = np.zeros((ROWS + 10, 2), np.float32)
    member[ROWS + 3, 1] = np.nan
    with pytest.raises(ValueError, match=f"member 0, row {ROWS + 3:,}, column 1: nan"):
        hill_climb([member], target, "r2")


@pytest.mark.parametrize(("returned", "told"), [(None, "None"), ("high", "a str"), ([0.5], "a list")])
def test_a_metric_that_returns_no_number_is_told_by_its_name(returned, told):
    def forgetful(target, blend):
        return returned

    predictions, target = regression(members=2, rows=10)
    with pytest.raises(ValueError, match=f"the metric forgetful returned {told}, and one number is needed"):
        hill_climb(predictions, target, forgetful)
