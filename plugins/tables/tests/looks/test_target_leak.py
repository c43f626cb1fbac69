"""One column that gives the target away is named; strong and easy tables are not accused."""

import numpy as np

from ctk_tables.looks.leak import target_leak


def test_a_copy_of_the_target_with_noise_is_named(table, dice):
    columns = {f"c{k}": dice.normal(size=900) for k in range(8)}
    target = columns["c0"] + dice.normal(size=900)
    found = table({**columns, "copy": target * 3 + 0.1 * dice.normal(size=900)}, target).by(target_leak)
    assert found["target-leak"].columns == ("copy",)
    assert found["target-leak"].numbers["alone"] > 0.97
    assert found["target-leak"].numbers["others"] < 0.6
    assert "--column copy=left-out" in found["target-leak"].sentence


def test_a_column_that_is_missing_where_the_class_is_one_is_named(table, dice):
    """As boat and body of the Titanic's passengers are."""
    columns = {f"c{k}": dice.normal(size=900) for k in range(8)}
    target = (columns["c0"] + dice.normal(size=900) > 0.5).astype(int)
    boat = np.where(target == 1, dice.integers(1, 20, 900), np.nan)
    boat[dice.random(900) < 0.02] = np.nan
    assert table({**columns, "boat": boat}, target, "binary").by(target_leak)["target-leak"].columns == ("boat",)


def test_levels_that_name_the_class_are_named_for_several_classes_and_targets(table, dice):
    columns = {f"c{k}": dice.normal(size=900) for k in range(4)}
    target = dice.choice(["red", "green", "blue"], 900)
    found = table({**columns, "code": np.char.add(target, dice.integers(0, 3, 900).astype(str))}, target, "classes")
    assert found.by(target_leak)["target-leak"].columns == ("code",)
    two = np.stack([dice.normal(size=900), columns["c0"] ** 3], axis=1)
    assert table(columns, two).by(target_leak)["target-leak"].columns == ("c0",)


def test_a_strong_honest_column_is_not_accused(table, dice):
    columns = {f"c{k}": dice.normal(size=900) for k in range(8)}
    strong = 3 * columns["c0"] + columns["c1"] + dice.normal(size=900)
    assert "target-leak" not in table(columns, strong).by(target_leak)
    assert "target-leak" not in table(columns, (strong > 0).astype(int), "binary").by(target_leak)


def test_a_few_rows_of_a_class_accuse_nobody(table, dice):
    columns = {f"c{k}": dice.normal(size=900) for k in range(60)}
    target = np.zeros(900)
    target[:7] = 1
    assert "target-leak" not in table(columns, target, "binary").by(target_leak)
