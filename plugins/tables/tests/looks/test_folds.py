"""Levels that the test has none of are groups or times; those that both sides have are not."""

import numpy as np


def test_a_column_of_patients_that_the_sides_do_not_share_wants_to_be_the_group(table, dice):
    patient = np.arange(600) // 6
    columns = {"patient": np.char.add("p", patient.astype(str)), "c": dice.normal(size=600)}
    found = table(columns, dice.normal(size=600), test=patient >= 70).warnings()
    assert found["leaking-folds"].columns == ("patient",)
    assert found["leaking-folds"].numbers == {"known_in_test": 0.0, "known_in_folds": 1.0, "levels": 70}
    assert "--group patient" in found["leaking-folds"].sentence
    assert "adversarial" not in found  # said once
    assert "one-sided" not in found


def test_years_beyond_train_want_to_be_the_time(table, dice):
    year = 2000 + np.arange(600) // 20
    found = table({"year": year, "c": dice.normal(size=600)}, dice.normal(size=600), test=year >= 2024).warnings()
    assert "--time year" in found["leaking-folds"].sentence


def test_silence_where_the_group_is_known_or_holds_the_levels_together(table, dice):
    patient = np.arange(600) // 6
    columns = {"patient": np.char.add("p", patient.astype(str)), "c": dice.normal(size=600)}
    test = patient >= 70
    assert "leaking-folds" not in table(columns, dice.normal(size=600), test=test, group="patient").warnings()
    clinic = table(columns, dice.normal(size=600), test=test, group="clinic", groups={"group": patient // 10})
    assert "leaking-folds" not in clinic.warnings()


def test_silence_where_both_sides_have_the_levels_and_where_every_row_has_its_own(table, dice):
    columns = {"shop": dice.integers(0, 40, 600).astype(str), "name": np.arange(600).astype(str),
               "number": np.arange(600), "c": dice.normal(size=600)}  # fmt: skip
    assert "leaking-folds" not in table(columns, dice.normal(size=600)).warnings()
