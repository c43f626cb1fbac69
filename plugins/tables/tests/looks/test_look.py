"""Nothing is said of clean tables, the same is said twice, and warnings come back from their file."""

import numpy as np
import pytest
from sklearn import datasets

from ctk.errors import UsageError
from ctk_tables.looks import Warning, dump_warnings, parse_warnings, warning_lines


@pytest.mark.parametrize("task", ["regression", "binary", "classes", "ordinal"])
@pytest.mark.parametrize("rows", [60, 400])
def test_nothing_is_said_of_clean_random_tables(table, task, rows):
    for seed in range(2):
        dice = np.random.default_rng([rows, seed])
        columns = {f"c{k}": dice.normal(size=rows) for k in range(8)}
        columns["level"], columns["count"] = dice.choice(list("abcde"), rows), dice.poisson(3, rows)
        columns["c1"][dice.random(rows) < 0.2] = np.nan
        signal = columns["c0"] + dice.normal(size=rows)
        cuts = {"regression": signal, "binary": signal > 0.8}
        target = cuts.get(task, np.digitize(signal, [-1, 1]))
        made = table(columns, target, task, seed=seed + 10, classes=["x", "y", "z"] if task == "ordinal" else ())
        assert not made.warnings(), made.warnings()


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "digits"])
def test_nothing_is_said_of_scikit_learns_tables_in_random_order(table, name):
    data = getattr(datasets, f"load_{name}")()
    task = {"diabetes": "regression", "breast_cancer": "binary"}.get(name, "classes")
    order = np.random.default_rng(7).permutation(len(data.target))
    columns = {f"c{k}": data.data[order, k] for k in range(data.data.shape[1])}
    said = table(columns, data.target[order], task, seed=3).warnings()
    if name == "digits":  # some pixels are blank in every digit
        assert set(said) == {"constants"}
        assert all(np.ptp(columns[column]) <= 8 for column in said.pop("constants").columns)
    assert not said, said


def test_the_same_files_and_seed_give_the_same(table, dice):
    test = np.arange(600) % 3 == 0
    columns = {"c": dice.normal(size=600) + test, "d": dice.normal(size=600)}
    made = table(columns, columns["c"], test=test)
    assert made.warnings(4) == made.warnings(4) != {}


def test_warnings_come_back_from_their_file():
    warnings = [Warning(name="a", sentence="b: c", columns=("x", "y"), numbers={"auc": 0.75}), Warning(name="d", sentence="e")]  # noqa: E501  # fmt: skip
    assert parse_warnings(dump_warnings(warnings)) == warnings
    assert parse_warnings(dump_warnings([])) == []
    assert warning_lines(warnings) == ["a: b: c", "d: e"]
    assert "No warnings" in warning_lines([])[0]
    with pytest.raises(UsageError, match=r"warnings\.yaml.*sentnce"):
        parse_warnings("warnings: [{name: a, sentnce: b}]")
