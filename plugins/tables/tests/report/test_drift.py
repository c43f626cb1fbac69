"""Drift is the index and the distance of the textbook; what has not moved is not called so."""

import numpy as np
import pytest

from ctk_tables.report.drift import by_chance, drift_of, section


def test_numbers_against_the_formula_and_by_counting(dice):
    train, test = dice.normal(size=2_000), dice.normal(0.5, 1, 1_500)
    found = drift_of("a", train, test)
    edges = np.quantile(train, np.arange(1, 10) / 10)
    bins = [[np.mean(np.searchsorted(edges, side) == bin) for bin in range(10)] for side in (train, test)]
    assert found.psi == pytest.approx(sum((q - p) * np.log(q / p) for p, q in zip(*bins, strict=True)))
    every = np.concatenate([train, test])
    assert found.ks == pytest.approx(max(abs(np.mean(train <= at) - np.mean(test <= at)) for at in every))
    assert found.moved
    assert found.what.startswith("median ")


def test_missing_values_and_levels_that_moved_are_said(dice):
    train, test = dice.normal(size=1_000), dice.normal(size=1_000)
    test[:300] = np.nan
    assert drift_of("a", train, test).what == "missing 0% → 30%"
    old, new = np.repeat(["x", "y"], [900, 100]), np.repeat(["x", "y", "z"], [500, 100, 400])
    found = drift_of("c", old, new)
    assert found.what in ("x: 90% → 50%", "z: 0% → 40%")
    assert found.ks == pytest.approx(0.4)
    half = 0.5 / 1000  # what an empty bin counts
    expected = (0.5 - 0.9) * np.log(0.5 / 0.9) + (0.4 - half) * np.log(0.4 / half)
    assert found.psi == pytest.approx(expected)


def test_chance_is_chi_squareds_quantile():
    # 1 in 10,000 of chi squared with 9 degrees of freedom lies above 33.72
    assert by_chance(10, 1_000, 1_000) == pytest.approx(33.72 / 500, rel=0.02)


@pytest.mark.parametrize("rows", [40, 300, 3_000])
def test_what_has_not_moved_is_not_called_so(dice, rows):
    for _ in range(20):
        assert not drift_of("a", dice.normal(size=rows), dice.normal(size=rows)).moved
        assert not drift_of("c", dice.choice(list("abcdef"), rows), dice.choice(list("abcdef"), rows)).moved


def test_the_columns_that_moved_are_drawn_and_times_are_not_judged(run, dice):
    train = {"a": dice.normal(size=500), "b": dice.normal(size=500), "c": dice.choice(list("xy"), 500), "when": np.arange(500.0)}  # noqa: E501  # fmt: skip
    test = {"a": dice.normal(2, 1, 400), "b": dice.normal(size=400), "c": np.full(400, "x"), "when": np.arange(500.0, 900)}  # noqa: E501  # fmt: skip
    html = section(run(train, test, np.zeros((500, 1)), None, time="when").sides).html
    assert "2 of 3 columns moved" in html
    assert html.count("<svg") == 2
    assert "when" not in html
    assert "None of 3 columns moved" in section(run(train, train, np.zeros((500, 1)), None, time="when").sides).html
