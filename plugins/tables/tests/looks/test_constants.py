"""Columns with one value in train are listed."""

import numpy as np

from ctk_tables.looks.constants import constants


def test_columns_with_one_value_or_none_are_listed(table, dice):
    columns = {
        "c": dice.normal(size=60), "one": np.ones(60), "none": np.full(60, np.nan), "word": np.full(60, "a"),
        "seldom": np.where(np.arange(60) % 7, "", "x"), "half": np.where(np.arange(60) % 2, np.nan, 1),
    }  # fmt: skip
    found = table(columns, dice.normal(size=60)).by(constants)["constants"]
    assert found.columns == ("one", "none", "word")
    assert "`one`, `none` and `word` have one value in all 40 rows" in found.sentence


def test_a_date_is_constant_only_with_all_its_parts(table, dice):
    columns = {"day/year": np.full(60, 2020), "day/days": np.arange(60), "c": dice.normal(size=60)}
    made = table({**columns, "day": np.arange(60)}, dice.normal(size=60), kinds={"day": "date"})
    assert "constants" not in made.by(constants)
