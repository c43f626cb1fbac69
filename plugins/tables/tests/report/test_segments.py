"""The worst segment leads, with its count and an interval that holds; where errors are even none is accused."""

import numpy as np
import pytest

from ctk_tables.report.losses import Losses
from ctk_tables.report.segments import beyond_chance, interval, section, segments_of


def table_of(dice, rows):
    columns = {
        "age": dice.normal(40, 9, rows),
        "city": dice.choice(["Bern", "Basel", "Lugano"], rows, p=[0.5, 0.4, 0.1]),
    }
    columns["age"][: rows // 10] = np.nan
    return {name: values.astype(np.float32) if name == "age" else values for name, values in columns.items()}


def test_the_worst_segment_leads_with_its_rows_and_error(run, dice):
    columns = table_of(dice, 1_000)
    truth = dice.normal(size=(1_000, 1))
    error = dice.normal(size=(1_000, 1)) * np.where(columns["city"] == "Lugano", 4, 1)[:, None]
    made = run(columns, columns, truth, truth + error)
    found = segments_of(made.sides, Losses(error[:, 0] ** 2, "squares", root=True))
    first, lugano = found[0], columns["city"] == "Lugano"
    assert (first.column, first.value, first.rows) == ("city", "Lugano", lugano.sum())
    assert first.mean == pytest.approx((error[lugano] ** 2).mean())
    assert beyond_chance(found) == {first}
    assert {(each.column, each.value) for each in found} >= {("age", "missing"), ("city", "Bern"), ("city", "Basel")}
    ages = [each.rows for each in found if each.column == "age" and each.value != "missing"]
    assert ages == [180] * 5
    html = section(made.results, made.sides).html
    assert "one is worse than all rows" in html
    assert html.index("Lugano") < html.index("Bern")


def test_even_errors_seldom_accuse(run):
    accused = 0
    for seed in range(30):
        dice = np.random.default_rng(seed)
        columns = table_of(dice, 600)
        made = run(columns, columns, np.zeros((600, 1)), None)
        wrong = (dice.random(600) < 0.1).astype(float)
        for losses in (Losses(dice.exponential(size=600), "losses"), Losses(wrong, "wrong", counted=True)):
            accused += bool(beyond_chance(segments_of(made.sides, losses)))
    assert accused <= 6  # 3 of 60 are expected at 0.05


def test_intervals_are_wilsons_and_the_normals(dice):
    # Wilson (1927) for 5 of 10 at 95%: 0.2366 to 0.7634
    assert interval(np.repeat([0.0, 1.0], 5), 1.959964, True) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    held = 0
    for _ in range(400):
        low, high = interval(dice.exponential(size=200), 1.959964, False)
        held += low <= 1 <= high
    assert 0.91 <= held / 400 <= 0.98


def test_nothing_without_a_blend_and_a_word_where_rows_are_few(run, dice):
    columns = table_of(dice, 100)
    made = run(columns, columns, np.zeros((100, 1)), None)
    assert section(made.results, made.sides) is None
    few = {name: values[:15] for name, values in columns.items()}
    made = run(few, few, np.zeros((15, 1)), np.ones((15, 1)))
    assert "too few" in section(made.results, made.sides).html


@pytest.mark.parametrize("task", ["binary", "classes", "ordinal"])
def test_classes_have_their_share_of_right_ones(run, dice, task):
    columns = table_of(dice, 300)
    truth = np.arange(300) % 3 if task != "binary" else np.arange(300) % 2
    label = np.where(np.arange(300) < 60, 1, truth)
    shape = (lambda of: np.eye(3)[of]) if task == "classes" else (lambda of: of[:, None].astype(float))
    names = ("no", "yes") if task == "binary" else ("low", "mid", "high")
    made = run(
        columns, columns, shape(truth), shape(label), task=task, classes=names, submits="labels", metric="accuracy"
    )
    html = section(made.results, made.sides).html
    # 60 first rows are called 1: of the 100 (or 150) rows of class 0, 20 (or 30) are taken for the second.
    assert f">{names[0]}</th><td" in html
    assert "80%" in html
    assert f"{names[1]} (20%)" in html
