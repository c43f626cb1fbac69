"""Hopeless trials are ended, by what was known when they were proposed and nothing else."""

import pickle

import pytest
from optuna.trial import TrialState

from ctk.api import Epoch
from ctk.errors import Pruned
from ctk.runs import Part, Run
from ctk_search import pruning
from ctk_search.outcomes import facts_of
from ctk_search.pruning import STRIDE, Pruning

FIRST, SECOND = Part("a", 1, 0), Part("a", 2, 0)


def ended(name, *curves, epochs=9):
    chosen = pruning.pruner(name, epochs)
    found = []
    for scores in curves:
        by_step = dict(enumerate(scores, start=1))
        found.append((len(scores) == epochs, by_step, pruning.marks(chosen, "max", by_step)))
    return found


def epochs_until_pruned(watch, scores):
    watch = pickle.loads(pickle.dumps(watch))  # as it reaches a worker
    for epoch, score in enumerate(scores, start=1):
        try:
            watch(FIRST, epoch, len(scores), {"mrr": score, "loss": 1.0})
        except Pruned:
            return epoch
    return None


def test_what_is_worse_than_the_median_of_five_is_pruned_after_a_quarter_of_the_epochs():
    curves = [[level * (epoch + 1) for epoch in range(8)] for level in (1, 2, 3, 4, 5)]
    watch = Pruning("median", 8, "max", "mrr", ended("median", *curves, epochs=8))
    assert epochs_until_pruned(watch, [2.9 * (epoch + 1) for epoch in range(8)]) == 2
    assert epochs_until_pruned(watch, [3.1 * (epoch + 1) for epoch in range(8)]) is None
    assert epochs_until_pruned(Pruning("median", 8, "max", "mrr", watch.ended[:4]), [0.0] * 8) is None
    assert epochs_until_pruned(Pruning("median", 8, "min", "mrr", watch.ended), [0.1] * 8) is None


def test_halving_keeps_the_best_third_of_those_that_reached_a_rung():
    curves = [[level] * 9 for level in (1.0, 2.0, 3.0, 4.0, 5.0)]
    watch = Pruning("halving", 9, "max", "mrr", ended("halving", *curves))
    assert epochs_until_pruned(watch, [3.5] * 9) == 1
    assert epochs_until_pruned(watch, [4.5] * 9) is None
    assert epochs_until_pruned(watch, [6.0, 6.0, 2.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0]) == 3


def test_what_was_pruned_counts_at_the_rungs_it_reached():
    curves = [[5.0], [6.0], [1.0] * 9]
    watch = Pruning("halving", 9, "max", "mrr", ended("halving", *curves))
    assert epochs_until_pruned(watch, [4.0] * 9) == 1


def test_epochs_without_a_score_or_with_none_that_is_a_number_are_passed_over():
    watch = Pruning("median", 4, "max", "mrr", ended("median", *[[1.0] * 4] * 5, epochs=4))
    watch(FIRST, 2, 4, {"loss": 1.0})
    watch(FIRST, 3, 4, {"mrr": float("nan")})


def test_the_epochs_of_later_fits_come_after_those_of_the_first():
    epochs = [Epoch(FIRST, 1, 2, {"mrr": 0.1}), Epoch(FIRST, 2, 2, {"mrr": 0.2}), Epoch(SECOND, 1, 2, {"mrr": 0.3})]
    assert pruning.curve(epochs, "mrr") == {1: 0.1, 2: 0.2, STRIDE + 1: 0.3}


@pytest.mark.parametrize("name", ["median", "halving"])
def test_a_search_prunes_its_worst_trials(search, name):
    space = {"members.0.optimizer.lr": [0.05, 0.04, 0.03, 0.06, 0.07, 1e-6]}
    member = search.keywords["config"]["members"][0] | {"epochs": 9}
    found = search(space=space, sampler="grid", pruner=name, trials=6, config={"members": [member], "trackers": []})
    last = found.trials[-1]
    assert last.state == TrialState.PRUNED
    assert 0 < len(last.intermediate_values) < 9
    assert Run(found.folder / "trials/0005").state()["state"] == "pruned"
    assert name in facts_of(last)["problem"]
    assert search(space=space, sampler="grid", pruner="none", trials=6).trials[-1].state == TrialState.COMPLETE
