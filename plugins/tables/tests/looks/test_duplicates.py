"""Copies are counted where columns are fine; in a coarse table they are chance, and nothing is said."""

import numpy as np

from ctk_tables.looks.duplicates import duplicates


def test_copies_across_and_within_are_counted(table, dice):
    fine = dice.normal(size=(600, 4))
    level = dice.choice(list("abc"), 600)
    test = np.arange(600) >= 400
    fine[400:430], level[400:430] = fine[:30], level[:30]  # 30 of the test are in train
    fine[100:120], level[100:120] = fine[200:220], level[200:220]  # 20 within train, with other targets
    fine[0:30, 3] = fine[400:430, 3] = np.nan  # missing is like missing
    columns = {**{f"c{k}": fine[:, k] for k in range(4)}, "level": level}
    found = table(columns, dice.normal(size=600), test=test).by(duplicates)["duplicates"]
    assert found.numbers == {"across": 30, "within": 20, "contradicting": 20}
    assert "30 of 200 test rows (15.0%)" in found.sentence


def test_a_coarse_table_has_copies_by_chance(table, dice):
    columns = {name: dice.choice(list("abc"), 900) for name in "stuv"}
    assert "duplicates" not in table(columns, dice.normal(size=900)).by(duplicates)


def test_one_copy_as_iris_has_is_nothing(table, dice):
    fine = dice.normal(size=(600, 3))
    fine[599] = fine[0]
    columns = {f"c{k}": fine[:, k] for k in range(3)}
    assert "duplicates" not in table(columns, dice.normal(size=600), test=np.arange(600) >= 400).by(duplicates)
