"""A blend by hill climbing is the better by the metric itself, whatever is climbed in its place."""

import numpy as np
import pytest

from ctk.components.hill_climbs import HillClimb
from ctk.errors import NoScore
from ctk.samples import Samples
from ctk_tables.metrics import entry, find
from ctk_tables.metrics.catalogue import CATALOGUE

CLIMBED = [name for name, each in CATALOGUE.items() if each.climb]


def members(target, spread):
    """Three members' numbers about a target, of which the mean is better than each."""
    random = np.random.default_rng(0)
    return {f"m{n}": (target + spread * random.normal(size=target.shape)).astype(np.float32) for n in range(3)}


def case(task):
    random = np.random.default_rng(1)
    if task == "regression":
        target = random.gamma(2, 2, (300, 2)) + 0.5
        made = members(target, 1.0)
    elif task == "ordinal":
        target = random.integers(0, 4, (300, 1))
        made = members(target, 0.7)
    elif task == "classes":
        target = np.eye(4)[random.integers(0, 4, 300)]
        made = {name: np.exp(2 * each) for name, each in members(target, 0.8).items()}
        made = {name: each / each.sum(1, keepdims=True) for name, each in made.items()}
    else:
        target = (random.random((300, 1)) < 0.4).astype(int)
        made = {name: np.clip(0.2 + 0.6 * each, 0.01, 0.99) for name, each in members(target, 0.8).items()}
    return made, Samples(ids=np.arange(300), features={}, target=target.astype(np.float32))


@pytest.mark.parametrize(("name", "task"), [(name, task) for name in CLIMBED for task in entry(name).tasks])
def test_a_blend_by_exact_steps_is_better_than_its_members_and_than_the_grid_finds(name, task):
    oof, samples = case(task)
    metric = find(name)
    blend = HillClimb().fit(oof, samples, metric)
    assert blend.score == pytest.approx(metric.score(blend.apply(oof), samples))
    alone = max(metric.merit(metric.score(each, samples)) for each in oof.values())
    assert metric.merit(blend.score) > alone


@pytest.mark.parametrize("name", ["rmse", "mae", "mape", "rmspe", "pinball@0.9", "brier", "wape"])
def test_where_steps_are_exact_the_grid_finds_no_better(name):
    from dataclasses import replace

    oof, samples = case(entry(name).tasks[0])
    exact = HillClimb().fit(oof, samples, find(name)).score
    tried = HillClimb().fit(oof, samples, replace(find(name), climb=None)).score
    assert find(name).sign * exact >= find(name).sign * tried - 1e-7


@pytest.mark.parametrize("name", ["rmsle", "medae", "spearman", "poisson_deviance", "normalized_gini"])
def test_without_exact_steps_the_score_is_climbed(name):
    oof, samples = case("regression")
    oof = {key: np.maximum(each, 0.01) for key, each in oof.items()}
    blend = HillClimb(max_rounds=6).fit(oof, samples, find(name))
    assert find(name).merit(blend.score) > max(find(name).merit(find(name).score(e, samples)) for e in oof.values())


def test_a_blend_below_what_logs_are_of_is_passed_over():
    target = np.linspace(0, 3, 50)[:, None].astype(np.float32)
    samples = Samples(ids=np.arange(50), features={}, target=target)
    oof = {"low": target * 0.5, "high": target * 9 + 3}
    assert HillClimb(low=-0.9).fit(oof, samples, find("rmsle")).score < find("rmsle").score(oof["low"], samples)


def test_rows_without_a_score_are_nan_in_a_table():
    samples = Samples(ids=np.arange(3), features={}, target=np.ones((3, 1), np.float32))
    with pytest.raises(NoScore):
        find("auc_ovr").score(samples.target, samples)
    assert np.isnan(find("auc_ovr").score_or_nan(samples.target, samples))
