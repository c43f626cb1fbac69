"""Ids numbered after sorting by the target are told of; shuffled ones, hashes and ids in order of time are not."""

import numpy as np

from ctk_tables.looks.ids import id_order


def test_ids_in_the_order_of_classes_are_told_of(table, dice):
    target = np.repeat([0, 1, 2], 200)
    columns = {"c": dice.normal(size=600)}
    found = table(columns, target, "classes").by(id_order)["id-order"]
    assert found.columns == ("id",)
    assert found.numbers["score"] > 0.95
    named = np.array([f"row_{number:04}.jpg" for number in range(600)])
    assert "id-order" in table(columns, np.sort(dice.normal(size=600)), ids=named).by(id_order)


def test_shuffled_ids_and_hashes_are_silent(table, dice):
    columns = {"c": dice.normal(size=600)}
    for seed in range(5):
        target = dice.normal(size=600)
        assert "id-order" not in table(columns, target, seed=seed).by(id_order)
        assert "id-order" not in table(columns, (target > 1.5).astype(int), "binary", seed=seed).by(id_order)
    hashes = np.array([f"{int(number):08x}" for number in dice.integers(0, 1 << 32, 600)])
    assert "id-order" not in table(columns, np.arange(600.0), ids=hashes).by(id_order)


def test_ids_in_order_of_time_are_silent_where_the_time_is_known(table, dice):
    columns = {"c": dice.normal(size=600), "when": np.arange(600.0)}
    target = np.arange(600) + dice.normal(size=600)
    known = table(columns, target, kinds={"when": "date"}, time="when", groups={"time": np.arange(600) * 60})
    assert "id-order" not in known.by(id_order)
    assert "id-order" in table(columns, target, kinds={"when": "date"}).by(id_order)
