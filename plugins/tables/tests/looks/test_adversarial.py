"""A test that was drawn elsewhere is told apart, with the column; one drawn at random is not."""

import numpy as np

from ctk_tables.looks.adversarial import adversarial


def test_a_drifting_column_is_named_with_its_auc(table, dice):
    test = np.arange(1_500) % 3 == 0
    columns = {f"c{k}": dice.normal(size=1_500) for k in range(10)}
    columns["c4"] = columns["c4"] + 1.5 * test
    found = table(columns, columns["c0"], test=test).by(adversarial)["adversarial"]
    assert found.columns == ("c4",)
    # Two normals 1.5 deviations apart: AUC is Phi(1.5 / sqrt(2)) = 0.856
    assert abs(found.numbers["alone c4"] - 0.856) < 0.04
    assert abs(found.numbers["auc"] - 0.856) < 0.05
    assert "0.5 is chance" in found.sentence


def test_times_and_groups_are_meant_to_differ(table, dice):
    test = np.arange(900) >= 600
    columns = {"c": dice.normal(size=900), "when": np.arange(900.0), "who": (np.arange(900) // 10).astype(str)}
    given = {"test": test, "kinds": {"when": "date"}}
    assert "adversarial" in table(columns, columns["c"], **given).by(adversarial)
    assert not table(columns, columns["c"], **given, time="when", group="who").by(adversarial)


def test_a_test_drawn_at_random_is_not_told_apart(table, dice):
    for seed in range(4):
        columns = {f"c{k}": dice.normal(size=300) for k in range(30)}
        columns["level"] = dice.choice(list("abcdefgh"), 300)
        assert "adversarial" not in table(columns, columns["c0"], seed=seed).by(adversarial)


def test_texts_that_are_there_once_each_tell_no_side(table, dice):
    names = dice.permutation([f"author {number}" for number in range(900)])
    columns = {"c": dice.normal(size=900), "author": names}
    found = table(columns, columns["c"], test=np.arange(900) >= 600, kinds={"author": "category"})
    assert not found.by(adversarial)
