"""Each metric is scikit-learn's number, or a plain computation's, and refuses in a sentence what makes no sense."""

import itertools
import math
import pickle
import re
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from ctk.contract import Metric
from ctk.errors import CtkError, NoScore, UsageError
from ctk.samples import Samples
from ctk_tables.metrics import USUAL, entry, find, names, wants_labels
from ctk_tables.metrics.catalogue import CATALOGUE

ROWS = 400
CORE = ("mse", "rmse", "mae", "r2", "auc", "accuracy", "logloss")


def samples(target):
    target = np.asarray(target)
    return Samples(ids=np.arange(len(target)), features={}, target=target.astype(np.float32))


def score(name, prediction, target):
    return find(name).score(np.asarray(prediction, np.float32), samples(target))


def amounts(columns=2, seed=0):
    """Predictions and targets above 0, with ties among them."""
    random = np.random.default_rng(seed)
    target = np.round(random.gamma(2, 2, (ROWS, columns)), 1) + 0.1
    return np.round(target * random.uniform(0.5, 1.6, target.shape) + 0.05, 1), target


def ones(columns=1, seed=0):
    """Probabilities of ones, with ties among them."""
    random = np.random.default_rng(seed)
    target = (random.random((ROWS, columns)) < 0.3).astype(int)
    return np.round(np.clip(0.25 + 0.4 * target + random.normal(0, 0.25, target.shape), 0.001, 0.999), 2), target


def classes(count=5, seed=0):
    random = np.random.default_rng(seed)
    truth = random.integers(0, count, ROWS)
    logits = 1.5 * np.eye(count)[truth] + random.normal(size=(ROWS, count))
    made = np.exp(logits)
    return (made / made.sum(1, keepdims=True)).astype(np.float32), np.eye(count)[truth]


def levels(count=5, seed=0):
    random = np.random.default_rng(seed)
    truth = random.integers(0, count, (ROWS, 1))
    return truth * 0.8 + 0.4 + random.normal(0, 0.6, truth.shape), truth


def by_column(function, **how):
    return lambda found, target: np.mean([function(y, x, **how) for x, y in zip(found.T, target.T, strict=True)])


def smape(found, target):
    return np.mean([2 * abs(x - y) / (abs(x) + abs(y)) for x, y in zip(found.ravel(), target.ravel(), strict=True)])


def rmspe(y, x):
    return math.sqrt(np.mean([((a - b) / b) ** 2 for a, b in zip(x, y, strict=True) if b != 0]))


def ranks(values):
    return np.array([(values < each).sum() + ((values == each).sum() + 1) / 2 for each in values])


def lorenz(y, x):
    """Kaggle's Gini by its Lorenz curve, of numbers without ties: largest prediction first."""
    share = np.cumsum(y[np.argsort(-x, kind="stable")]) / y.sum()
    return share.sum() - (len(y) + 1) / 2


NUMBERS = {
    "rmse": by_column(sk.root_mean_squared_error),
    "mse": by_column(sk.mean_squared_error),
    "mae": by_column(sk.mean_absolute_error),
    "r2": by_column(sk.r2_score),
    "rmsle": by_column(sk.root_mean_squared_log_error),
    "msle": by_column(sk.mean_squared_log_error),
    "mape": by_column(sk.mean_absolute_percentage_error),
    "smape": smape,
    "wape": lambda x, y: np.abs(x - y).sum() / np.abs(y).sum(),
    "rmspe": by_column(rmspe),
    "medae": by_column(sk.median_absolute_error),
    "max_error": by_column(sk.max_error),
    "explained_variance": by_column(sk.explained_variance_score),
    "d2_absolute_error": by_column(sk.d2_absolute_error_score),
    "pearson": by_column(lambda y, x: np.corrcoef(x, y)[0, 1]),
    "spearman": by_column(lambda y, x: np.corrcoef(ranks(x), ranks(y))[0, 1]),
    "poisson_deviance": by_column(sk.mean_poisson_deviance),
    "gamma_deviance": by_column(sk.mean_gamma_deviance),
    "tweedie_deviance@1.5": by_column(sk.mean_tweedie_deviance, power=1.5),
    **{
        name: by_column(sk.mean_pinball_loss, alpha=each.options["level"])
        for name, each in CATALOGUE.items()
        if name.startswith("pinball")
    },
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("columns", [1, 3])
def test_numbers(name, columns):
    found, target = amounts(columns)
    found, target = found.astype(np.float32).astype(float), target.astype(np.float32).astype(float)
    assert score(name, found, target) == pytest.approx(NUMBERS[name](found, target), rel=1e-9)


def test_normalized_gini_is_the_lorenz_curves_of_numbers_without_ties():
    random = np.random.default_rng(0)
    y = random.permutation(ROWS) + 1.0
    x = (y + random.normal(0, 60, ROWS)).astype(np.float32)
    assert score("normalized_gini", x[:, None], y[:, None]) == pytest.approx(lorenz(y, x) / lorenz(y, y))
    assert score("normalized_gini", np.zeros((ROWS, 1)), y[:, None]) == pytest.approx(0)


def test_gini_of_zeros_and_ones_is_the_normalized_one_without_ties():
    random = np.random.default_rng(1)
    target = (random.random((ROWS, 1)) < 0.4).astype(int)
    found = random.permutation(ROWS)[:, None] / ROWS + 0.3 * target
    assert score("gini", found, target) == pytest.approx(2 * sk.roc_auc_score(target, found.astype(np.float32)) - 1)


def apk(actual, predicted, k):
    """ml_metrics' average precision at k."""
    hits, total = 0.0, 0.0
    for place, each in enumerate(predicted[:k]):
        if each in actual and each not in predicted[:place]:
            hits += 1
            total += hits / (place + 1)
    return total / min(len(actual), k) if len(actual) else 0.0


def map_at(k):
    def plain(found, target):
        order = [sorted(range(len(row)), key=lambda c: -row[c]) for row in found.tolist()]
        return np.mean([apk(np.flatnonzero(y).tolist(), o, k) for y, o in zip(target, order, strict=True)])

    return plain


def ovo(found, target):
    truth = target.argmax(1)
    areas = []
    for a, b in itertools.permutations(range(target.shape[1]), 2):
        rows = (truth == a) | (truth == b)
        areas.append(sk.roc_auc_score(truth[rows] == a, found[rows, a]))
    return np.mean(areas)


OF_CLASSES = {
    "log_loss": lambda x, y: sk.log_loss(y.argmax(1), x.astype(np.float64) / x.sum(1, keepdims=True, dtype=np.float64)),
    "brier": lambda x, y: np.mean(((x - y) ** 2).sum(1)),
    "auc_ovr": lambda x, y: sk.roc_auc_score(y, x, average="macro"),
    "auc_ovo": ovo,
    "average_precision": lambda x, y: sk.average_precision_score(y, x, average="macro"),
    "ndcg": lambda x, y: sk.ndcg_score(y, x),
    "ndcg@3": lambda x, y: sk.ndcg_score(y, x, k=3),
    "map@3": map_at(3),
    "map@1": map_at(1),
    "map@12": map_at(12),
    **{f"top_k_accuracy@{k}": lambda x, y, k=k: sk.top_k_accuracy_score(y.argmax(1), x, k=k) for k in (2, 3)},
}


@pytest.mark.parametrize("name", OF_CLASSES)
def test_probabilities_of_classes(name):
    found, target = classes()
    assert score(name, found, target) == pytest.approx(OF_CLASSES[name](found, target), rel=1e-6)


OF_ONES = {
    "auc": sk.roc_auc_score,
    "auc_ovr": sk.roc_auc_score,
    "log_loss": sk.log_loss,
    "brier": sk.brier_score_loss,
    "average_precision": sk.average_precision_score,
}


@pytest.mark.parametrize("name", OF_ONES)
@pytest.mark.parametrize("columns", [1, 3])
def test_probabilities_of_ones(name, columns):
    found, target = ones(columns)
    expected = by_column(OF_ONES[name])(found.astype(np.float32), target)
    assert score(name, found, target) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["map@1", "map@3", "map@10", "ndcg", "ndcg@3"])
def test_several_true_columns_a_row_and_none(name):
    found, target = ones(6)
    target[:5] = 0
    found = found + np.random.default_rng(0).random(found.shape) * 1e-3 if name.startswith("map") else found
    found = found.astype(np.float32)
    plain = (
        map_at(int(name[4:]))
        if name.startswith("map")
        else lambda x, y: sk.ndcg_score(y, x, k=3 if "@" in name else None)
    )
    assert score(name, found, target) == pytest.approx(plain(found, target), rel=1e-9)


def averaged(function, average):
    return lambda y, x: function(y, x, average=average, zero_division=0)


LABELS = {
    "balanced_accuracy": sk.balanced_accuracy_score,
    "mcc": sk.matthews_corrcoef,
    "cohen_kappa": sk.cohen_kappa_score,
    "quadratic_kappa": lambda y, x: sk.cohen_kappa_score(y, x, weights="quadratic"),
    "accuracy": sk.accuracy_score,
    "hamming": sk.hamming_loss,
    **{
        f"{name}_{average}": averaged(function, average)
        for name, function in {
            "f1": sk.f1_score,
            "precision": sk.precision_score,
            "recall": sk.recall_score,
            "jaccard": sk.jaccard_score,
        }.items()
        for average in ("macro", "micro", "weighted")
    },
}
OF_TWO = {
    "f1": sk.f1_score,
    "f0.5": lambda y, x: sk.fbeta_score(y, x, beta=0.5),
    "f2": lambda y, x: sk.fbeta_score(y, x, beta=2),
    "precision": lambda y, x: sk.precision_score(y, x, zero_division=0),
    "recall": sk.recall_score,
    "jaccard": sk.jaccard_score,
}


@pytest.mark.parametrize("name", [*LABELS, *OF_TWO])
def test_labels_of_ones(name):
    found, target = ones()
    expected = {**LABELS, **OF_TWO}[name](target[:, 0], found[:, 0] > 0.5)
    assert score(name, found, target) == pytest.approx(expected)
    assert score(name, found > 0.5, target) == pytest.approx(expected)


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_classes(name):
    found, target = classes()
    found[:, 3] = 0  # a class that is never predicted
    expected = LABELS[name](target.argmax(1), found.argmax(1))
    assert score(name, found, target) == pytest.approx(expected)
    assert score(name, np.eye(5)[found.argmax(1)], target) == pytest.approx(expected)


@pytest.mark.parametrize("name", [name for name in LABELS if "ordinal" in entry(name).tasks])
def test_labels_in_an_order(name):
    found, target = levels()
    expected = LABELS[name](target[:, 0], np.clip(np.rint(found[:, 0]), 0, 4))
    assert score(name, found, target) == pytest.approx(expected)


@pytest.mark.parametrize("name", [*(name for name in LABELS if name[:2] in ("f1", "pr", "re", "ja")), "hamming"])
def test_labels_of_several_columns(name):
    found, target = ones(4)
    assert score(name, found, target) == pytest.approx(LABELS[name](target, (found > 0.5).astype(int)))


@pytest.mark.parametrize("name", ["balanced_accuracy", "mcc", "cohen_kappa", *OF_TWO])
def test_labels_of_several_columns_are_meaned_where_scikit_learn_has_none(name):
    found, target = ones(3)
    each = [{**LABELS, **OF_TWO}[name](y, x > 0.5) for x, y in zip(found.T, target.T, strict=True)]
    assert score(name, found, target) == pytest.approx(np.mean(each))


def test_every_column_right():
    found, target = ones(3)
    assert score("subset_accuracy", found, target) == pytest.approx(
        sk.accuracy_score(target, (found > 0.5).astype(int))
    )


def test_nothing_of_the_catalogue_is_without_a_computation_of_its_own():
    here = {*NUMBERS, *OF_CLASSES, *OF_ONES, *LABELS, *OF_TWO, "gini", "normalized_gini", "subset_accuracy", "logloss"}
    families = {re.sub(r"@.*", "", name) for name in here}
    assert {re.sub(r"@.*", "", name) for name in CATALOGUE} <= families


@pytest.mark.parametrize("name", CORE)
def test_what_the_toolkit_has_scores_as_here(name):
    from ctk.plugins import plugins

    task = entry(name).tasks[0]
    found, target = {"regression": amounts, "binary": ones}[task](1)
    given = found.astype(np.float32)
    own = plugins().load("metrics", name)
    assert find(name).score(given, samples(target)) == pytest.approx(own.score(given, samples(target)), rel=1e-6)
    assert (find(name).direction, find(name).climb) == (own.direction, own.climb)


# What hurts -----------------------------------------------------------------------------------------------------------


def fitting(name):
    task = entry(name).tasks[-1]
    made = {"regression": amounts, "binary": ones, "classes": classes, "ordinal": levels}[task]
    several = name.startswith(("map", "ndcg"))
    return made(3) if several and task != "classes" else made() if task != "regression" else made(1)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_metric_is_best_for_the_truth_refuses_nan_and_goes_to_other_processes(name):
    found, target = fitting(name)
    metric = pickle.loads(pickle.dumps(find(name)))
    given = found.astype(np.float32)
    before = given.copy()
    reached = metric.score(given, samples(target))
    assert isinstance(reached, float)
    assert np.array_equal(given, before)
    assert metric.sign * metric.score(target.astype(np.float32), samples(target)) >= metric.sign * reached
    given[7, 0] = np.nan
    with pytest.raises(UsageError, match=r"prediction of row 7 is .*nan"):
        metric.score(given, samples(target))
    with pytest.raises(UsageError, match="shape"):
        metric.score(before[:-1], samples(target))
    with pytest.raises(UsageError, match="no rows"):
        metric.score(before[:0], samples(target[:0]))


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("what", ["constant target", "constant prediction", "one row", "everything tied"])
def test_poor_rows_end_in_a_number_or_a_sentence(name, what):
    found, target = fitting(name)
    if what == "constant target":
        target = np.repeat(target[:1], len(target), axis=0)
    if what in ("constant prediction", "everything tied"):
        found = np.repeat(found[:1], len(found), axis=0) if what == "constant prediction" else found * 0 + 0.5
    if what == "one row":
        found, target = found[:1], target[:1]
    told = ""
    with np.errstate(all="raise", under="ignore"):
        try:
            reached = score(name, found, target)
        except NoScore as error:
            reached, told = math.nan, error.problem
    assert isinstance(reached, float)
    assert not told or told.startswith(f"{name} ")


@pytest.mark.parametrize(
    ("name", "found", "target", "told"),
    [
        ("rmsle", [[1], [-1.5]], [[1], [2]], "rmsle needs predictions above -1, and the prediction of row 1 is -1.5"),
        ("rmsle", [[1], [1]], [[1], [-2]], "rmsle needs targets above -1, and the target of row 1 is -2"),
        ("auc", [[0.1], [0.2]], [[1], [1]], "auc needs rows of both classes, and all of these are 1"),
        ("auc_ovr", [[0.1], [0.2]], [[0], [0]], "auc_ovr needs rows of both classes"),
        ("gini", [[0.1], [0.2]], [[0], [0]], "needs rows of both classes"),
        ("auc_ovo", [[0.1, 0.9], [0.2, 0.8]], [[0, 1], [0, 1]], "auc_ovo needs rows of both classes"),
        ("poisson_deviance", [[1], [0]], [[1], [1]], "predictions above 0, and the prediction of row 1 is 0"),
        ("gamma_deviance", [[1], [1]], [[1], [0]], "targets above 0, and the target of row 1 is 0"),
        ("spearman", [[1], [2]], [[1], [1]], "spearman is of a target that varies"),
        ("f1", [[0.2], [3]], [[1], [2]], "f1 is of two labels, and there are 3"),
        ("f1_macro", [[0.2], [3]], [[1.5], [2]], "f1_macro is of labels, and the target of row 0 is 1.5"),
        ("log_loss", [[0.2], [0.3]], [[1], [2]], "log_loss is of probabilities, and the target has 2"),
        ("map@3", [[0.2], [0.3]], [[1], [0]], "map@3 ranks the columns of a row, and there is one"),
        ("ndcg", [[0.2, 1], [0.3, 1]], [[1, -1], [0, 1]], "ndcg needs gains of at least 0"),
    ],
)
def test_nonsense_is_told_in_a_sentence(name, found, target, told):
    with pytest.raises(CtkError, match=re.escape(told)):
        score(name, found, target)


def test_a_class_without_rows_is_left_out_of_areas():
    found, target = classes()
    wider = np.column_stack([found, np.zeros(ROWS)]), np.column_stack([target, np.zeros(ROWS)])
    for name in ("auc_ovr", "auc_ovo", "average_precision"):
        assert score(name, *wider) == pytest.approx(score(name, found, target))


def test_errors_of_a_target_of_zero_are_no_part_of_rmspe():
    assert score("rmspe", [[5], [2]], [[0], [1]]) == 1


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'quadratic_kappa'"):
        find("quadratic_kapa")


def test_metrics_of_a_task():
    for task, usual in USUAL.items():
        assert names(task)[0] == usual
    assert "f1" in names("binary")
    assert "f1" not in names("classes")
    assert {name for name in CATALOGUE if wants_labels(name)} >= {"f1", "accuracy", "quadratic_kappa", "hamming"}
    assert not wants_labels("rmse")
    assert not wants_labels("own.py:rmse")


def test_the_readme_lists_what_is_registered():
    text = (Path(__file__).parents[1] / "README.md").read_text()
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", text, flags=re.MULTILINE))
    told = {}
    for name, each in CATALOGUE.items():
        direction = "higher" if each.direction == "max" else "lower"
        told[name] = f"{direction} | {', '.join(each.tasks)} | {each.about} | {each.climb or 'its score'}"
    assert {name: row for name, row in rows.items() if name in CATALOGUE} == told


@pytest.mark.slow
def test_a_million_rows_take_seconds():
    random = np.random.default_rng(0)
    target = random.random((1_000_000, 1)).astype(np.float32) + 0.1
    label = (target > 0.6).astype(np.float32)
    several = np.eye(5, dtype=np.float32)[random.integers(0, 5, len(target))]
    found = np.clip(several * 0.3 + random.random(several.shape, dtype=np.float32), 0.01, 1)
    slow = {}
    for name, each in CATALOGUE.items():
        y = {"regression": target, "binary": label, "classes": several, "ordinal": label}[each.tasks[-1]]
        y = several if name.startswith(("ndcg", "map")) else y
        start = time.process_time()
        find(name).score(found[:, : y.shape[1]], samples(y))
        slow[name] = time.process_time() - start
    assert max(slow.values()) < 20, slow


def test_find_gives_metrics():
    assert all(isinstance(find(name), Metric) for name in CATALOGUE)
