"""A long tail under squared errors is told with its share; a normal, a uniform and an exponential one is not."""

import numpy as np
import pytest

from ctk_tables.looks.tail import long_tail


def test_a_lognormal_target_under_rmse_is_told_with_what_its_top_holds(table, dice):
    target = np.exp(1.2 * dice.normal(size=3_000))
    made = table({"c": dice.normal(size=3_000)}, target)
    train = np.asarray(made.train.target, float)[:, 0]
    squares = np.sort((train - train.mean()) ** 2)[::-1]
    found = made.by(long_tail)["long-tail"]
    assert found.numbers["held_by_top"] == pytest.approx(squares[:20].sum() / squares.sum(), abs=1e-3)
    assert "`log: true`" in found.sentence


@pytest.mark.parametrize("metric", ["mae", "rmsle"])
def test_silence_under_a_metric_that_the_tail_does_not_decide(table, dice, metric):
    target = np.exp(1.2 * dice.normal(size=3_000))
    assert "long-tail" not in table({"c": dice.normal(size=3_000)}, target, metric=metric).by(long_tail)


def test_rmsle_is_judged_on_logarithms(table, dice):
    target = np.expm1(np.exp(1.2 * dice.normal(size=3_000)).clip(0, 300))
    assert "in logarithms" in table({"c": np.zeros(3_000)}, target, metric="rmsle").by(long_tail)["long-tail"].sentence


@pytest.mark.parametrize("draw", ["normal", "uniform", "exponential"])
def test_silence_where_there_is_no_long_tail(table, dice, draw):
    for _ in range(5):
        target = getattr(dice, draw)(size=600)
        assert "long-tail" not in table({"c": dice.normal(size=600)}, target).by(long_tail)
