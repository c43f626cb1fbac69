"""Classes that train lacks and levels that only the test has are told of, unless rare levels make it chance."""

import numpy as np

from ctk_tables.looks.classes import one_sided


def test_a_class_that_the_submission_wants_and_train_lacks(table, dice):
    target = dice.choice(["a", "b"], 300)
    found = table({"c": dice.normal(size=300)}, target, "classes", classes=["a", "b", "z"]).by(one_sided)["one-sided"]
    assert "no row of class `z`" in found.sentence
    assert found.numbers == {"classes_lacking": 1}


def test_levels_that_only_the_test_has_with_their_share(table, dice):
    test = np.arange(600) % 3 == 0
    shop = np.where(test & (np.arange(600) % 6 == 0), "new", dice.choice(list("abc"), 600))
    found = table({"shop": shop, "c": dice.normal(size=600)}, dice.normal(size=600), test=test).by(one_sided)[
        "one-sided"
    ]
    assert found.columns == ("shop",)
    assert found.numbers == {"unseen shop": 0.5}
    assert "50.0% of test rows have a level of `shop` that train lacks (`new`)" in found.sentence


def test_rare_levels_are_on_one_side_by_chance(table, dice):
    for seed in range(5):
        columns = {"name": dice.zipf(1.5, 900).astype(str), "key": np.arange(900).astype(str)}
        columns["key"][:300] = ""
        assert "one-sided" not in table(columns, dice.normal(size=900), seed=seed).by(one_sided)
