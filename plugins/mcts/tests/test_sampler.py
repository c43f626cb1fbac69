"""The sampler on studies of its own, without any training."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import product

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from ctk.testing import check_plugin
from ctk_mcts import sampler as module
from ctk_mcts.leaves import Leaf, leaves_of
from ctk_mcts.sampler import MCTSSampler

SPACE = {
    "a": CategoricalDistribution(["x", "y", "z"]),
    "b": CategoricalDistribution([None, 1, "1"]),
    "c": IntDistribution(0, 3),
}
POINTS = 3 * 3 * 4


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def signal(trial) -> float:
    """Mostly additive, with one thing in common: the best point is ("z", 1, 3)."""
    score = {"x": 0, "y": 1, "z": 2}[trial.params["a"]] + trial.params["c"] / 3
    return score + (2 if trial.params["b"] == 1 else 0) * (trial.params["a"] == "z")


def study_of(trials, objective=signal, space=SPACE, seed=0, direction="maximize", **options):
    """A study whose sampler is made anew for each trial, as in ctk search."""
    study = optuna.create_study(direction=direction)
    for _ in range(trials):
        study.sampler = MCTSSampler(space, seed=seed, **options)
        trial = study.ask(space)
        try:
            study.tell(trial, objective(trial))
        except ArithmeticError:
            study.tell(trial, state=TrialState.FAIL)
    return study


def points(study) -> list[tuple]:
    return [tuple(map(repr, trial.params.values())) for trial in study.trials]


def test_the_plugin_passes_the_checks():
    check_plugin("mcts")


@pytest.mark.parametrize("options", [{}, {"rave": 0.0}, {"backup": "mean"}], ids=str)
def test_the_best_of_a_small_tree_is_found_sooner_than_at_random(options):
    def found_after(seed):
        study = study_of(POINTS, seed=seed, **options)
        return 1 + max(range(POINTS), key=lambda number: (study.trials[number].value, -number))

    at_random = (POINTS + 1) / 2  # the mean place of one point in a random order of all
    assert np.mean([found_after(seed) for seed in range(20)]) < 0.7 * at_random


def test_both_directions_search_alike():
    up, down = study_of(20), study_of(20, lambda trial: -signal(trial), direction="minimize")
    assert points(up) == points(down)


@pytest.mark.parametrize("options", [{}, {"rave": 0.0}, {"probe": 0.5}], ids=str)
def test_no_point_of_a_finite_space_is_proposed_twice_in_full(options):
    study = study_of(POINTS, **options)
    assert max(Counter(zip(points(study), map(share, study.trials), strict=True)).values()) == 1
    if "probe" not in options:
        assert len(set(points(study))) == POINTS
        assert MCTSSampler(SPACE).exhausted(study)
        assert not MCTSSampler(SPACE).exhausted(study_of(POINTS - 1, **options))


def test_an_exhausted_space_still_gets_a_point():
    assert len(study_of(POINTS + 2).trials) == POINTS + 2


def test_the_same_study_and_seed_give_the_same_proposal():
    first, second, other = study_of(15, seed=3), study_of(15, seed=3), study_of(15, seed=4)
    assert points(first) == points(second) != points(other)


def test_one_sampler_for_all_trials_proposes_as_a_new_one_for_each():
    kept = optuna.create_study(direction="maximize", sampler=MCTSSampler(SPACE, seed=0))
    kept.optimize(lambda trial: (trial.suggest_categorical("a", ["x", "y", "z"]), signal_of(trial))[1], n_trials=15)
    assert points(kept) == points(study_of(15))


def signal_of(trial) -> float:
    trial.suggest_categorical("b", [None, 1, "1"])
    trial.suggest_int("c", 0, 3)
    return signal(trial)


def test_trials_that_all_fail_end_no_search():
    study = study_of(12, lambda trial: 1 / 0)
    assert len(set(points(study))) == 12


def test_what_fails_is_avoided():
    def objective(trial):
        return 1 / (trial.params["a"] != "x") * 0.0 + trial.params["c"]

    tried = Counter(trial.params["a"] for seed in range(5) for trial in study_of(24, objective, seed=seed).trials)
    assert tried["x"] < 0.7 * min(tried["y"], tried["z"])


def test_running_trials_spread_over_the_branches():
    study = optuna.create_study(direction="maximize")
    for _ in range(12):
        study.sampler = MCTSSampler(SPACE, seed=0)
        study.ask(SPACE)
    assert len(set(points(study))) == 12
    assert set(Counter(trial.params["a"] for trial in study.trials).values()) == {4}


def test_a_trial_whose_objective_has_not_asked_yet_is_taken_for_running():
    study = optuna.create_study(sampler=MCTSSampler({"a": SPACE["a"]}, seed=0))
    trials = [study.ask() for _ in range(3)]
    names = list(trials[0].relative_params.values())
    names += [*trials[1].relative_params.values(), *trials[2].relative_params.values()]
    assert sorted(names) == ["x", "y", "z"]


def test_pruned_trials_count_by_their_last_report():
    study = optuna.create_study(direction="maximize", sampler=MCTSSampler({"a": SPACE["a"]}))
    for name, reports in (("x", [0.5, 0.3]), ("y", []), ("z", [0.1, 0.2])):
        study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.PRUNED,
                params={"a": name},
                distributions={"a": SPACE["a"]},
                intermediate_values=dict(enumerate(reports)),
            )
        )
    scores = [leaf.scores[1.0] for leaf in leaves_of(study, {"a": SPACE["a"]})]
    assert scores == [0.3, -math.inf, 0.2]


# Ranges ---------------------------------------------------------------------------------------------------------------

RANGES = {
    "lr": FloatDistribution(1e-5, 1e-1, log=True),
    "width": IntDistribution(16, 4096, log=True),
    "layers": IntDistribution(1, 41, step=4),
    "drop": FloatDistribution(0.0, 0.9, step=0.3),
    "alpha": FloatDistribution(-1.0, 1.0),
    "only": IntDistribution(5, 5),
    "one": FloatDistribution(0.5, 0.5),
}


def test_proposals_from_ranges_are_of_them_and_everywhere():
    study = study_of(120, lambda trial: 0.0, RANGES, exploration=10.0)
    for name, distribution in RANGES.items():
        values = [trial.params[name] for trial in study.trials]
        assert all(distribution._contains(value) for value in values)
        if not distribution.single():
            assert len(set(values)) >= 4
    assert sum(trial.params["lr"] < 1e-3 for trial in study.trials) == pytest.approx(60, abs=20)


def test_the_good_part_of_a_range_is_found():
    def objective(trial):
        return abs(math.log10(trial.params["lr"]) + 2.2) + abs(trial.params["alpha"] - 0.4)

    space = {name: RANGES[name] for name in ("lr", "alpha")}
    best = np.median([study_of(40, objective, space, seed, "minimize").best_value for seed in range(10)])
    chance = np.random.default_rng(0).uniform([-5, -1], [-1, 1], (2000, 40, 2))
    at_random = np.median((abs(chance[..., 0] + 2.2) + abs(chance[..., 1] - 0.4)).min(1))
    assert best < at_random


def test_values_of_a_long_integer_range_are_not_proposed_twice():
    space = {"n": IntDistribution(0, 39)}
    study = study_of(40, lambda trial: -abs(trial.params["n"] - 17), space)
    assert sorted(trial.params["n"] for trial in study.trials) == list(range(40))


# Probes ---------------------------------------------------------------------------------------------------------------


def share(trial) -> float:
    return trial.user_attrs.get(module.SHARE, 1.0)


def test_after_every_few_probes_the_best_is_run_in_full():
    study = study_of(15, lambda trial: signal(trial) * (10 if share(trial) == 1 else 1), probe=0.2, promote=4)
    shares = [share(trial) for trial in study.trials]
    assert shares == [0.2] * 4 + [1.0] + [0.2] * 4 + [1.0] + [0.2] * 4 + [1.0]
    first = study.trials[4]
    probe = study.trials[first.user_attrs[module.PROMOTES]]
    assert probe.params == first.params
    assert probe.value == max(trial.value for trial in study.trials[:4])
    assert len(leaves_of(study, SPACE)) == 12


def test_workers_side_by_side_promote_a_probe_once():
    study = study_of(4, probe=0.2, promote=4)
    study.sampler = MCTSSampler(SPACE, seed=0, probe=0.2, promote=4)
    assert [share(study.ask(SPACE)) for _ in range(3)] == [1.0, 0.2, 0.2]


def test_the_objective_sees_its_share():
    seen = []

    def objective(trial):
        trial.suggest_categorical("a", ["x", "y", "z"])
        seen.append(trial.user_attrs[module.SHARE])
        return 0.0

    optuna.create_study(sampler=MCTSSampler({"a": SPACE["a"]}, probe=0.25)).optimize(objective, n_trials=2)
    assert seen == [0.25, 0.25]


def test_a_probe_is_compared_with_probes_and_a_full_run_with_full_runs():
    probe, good, better = Leaf({"a": 1}), Leaf({"a": 2}), Leaf({"a": 3})
    probe.scores = {0.2: 5.0}
    good.scores = {0.2: 4.0, 1.0: 100.0}
    better.scores = {0.2: 6.0, 1.0: 90.0}
    assert module.rewards_of([probe, good, better]) == [0.5, 0.5, 0.5]  # probe > good > better > probe


def test_a_probe_whose_full_run_failed_is_not_run_again():
    def objective(trial):
        return signal(trial) if share(trial) < 1 else 1 / 0

    study = study_of(30, objective, probe=0.5, promote=2)
    full = [trial.user_attrs[module.PROMOTES] for trial in study.trials if share(trial) == 1]
    assert len(full) == len(set(full)) == 10


def test_at_the_end_of_a_finite_space_the_probes_left_are_run_in_full():
    space = {"a": SPACE["a"]}
    study = study_of(6, space=space, objective=lambda trial: 0.0, probe=0.5, promote=4)
    assert [share(trial) for trial in study.trials] == [0.5] * 3 + [1.0] * 3
    assert MCTSSampler(space, probe=0.5).exhausted(study)


# In a study of somebody else ------------------------------------------------------------------------------------------


def test_enqueued_trials_are_as_enqueued_and_learned_from():
    study = optuna.create_study(direction="maximize", sampler=MCTSSampler(SPACE, seed=0, probe=0.5))
    wanted = {"a": "y", "b": None, "c": 2}
    study.enqueue_trial(wanted)
    trial = study.ask(SPACE)
    assert trial.params == wanted
    assert share(trial) == 1
    study.tell(trial, 1.0)
    (leaf,) = leaves_of(study, SPACE)
    assert leaf.parameters == wanted


def test_parameters_outside_the_space_are_drawn_at_random():
    study = optuna.create_study(sampler=MCTSSampler({"a": SPACE["a"]}, seed=0))
    study.optimize(lambda trial: trial.suggest_float("other", 0, 1), n_trials=5)
    assert len({trial.params["other"] for trial in study.trials}) == 5


def test_trials_of_another_space_are_passed_over():
    study = study_of(5, lambda trial: 0.0, {"a": CategoricalDistribution(["other", "x"])})
    known = leaves_of(study, {"a": SPACE["a"]})
    assert [leaf.parameters for leaf in known] == [{"a": "x"}]


# The history ----------------------------------------------------------------------------------------------------------


def test_the_history_is_the_tree_as_plain_values():
    study = study_of(20, lambda trial: signal(trial) if trial.params["c"] else 1 / 0, probe=0.5)
    told = MCTSSampler(SPACE, probe=0.5).history(study)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert [each["name"] for each in told["decisions"]] == ["a", "b", "c"]
    nodes = {tuple(node["path"]): node for node in told["nodes"]}
    leaves = {tuple(trial["path"]) for trial in told["trials"]}
    assert nodes[()]["visits"] == len(leaves)
    for path, node in nodes.items():
        below = [child for child in nodes if len(child) == len(path) + 1 and child[: len(path)] == path]
        assert len(path) == 3 or node["visits"] == sum(nodes[child]["visits"] for child in below)
    for trial, own in zip(told["trials"], study.trials, strict=True):
        chosen = [told["decisions"][level]["branches"][branch] for level, branch in enumerate(trial["path"])]
        assert chosen == list(own.params.values())
        assert (trial["share"], trial["promotes"]) == (share(own), own.user_attrs.get(module.PROMOTES))
        assert trial["score"] == own.value


def test_bins_are_told_by_their_ends():
    told = MCTSSampler({"n": IntDistribution(0, 39)}, bins=4).history(optuna.create_study())
    assert told["decisions"] == [{"name": "n", "branches": [[0, 9], [10, 19], [20, 29], [30, 39]]}]


# Cost -----------------------------------------------------------------------------------------------------------------


def test_a_proposal_looks_at_each_trial_once(monkeypatch):
    """In a study of 4 times as many trials a proposal makes 4 times as many steps: counted, not timed."""
    space = {name: IntDistribution(0, 9) for name in "abc"}
    steps = Counter()
    for name in ("path_of", "score_of"):
        home = module if name == "path_of" else __import__("ctk_mcts.leaves", fromlist=[name])
        own = getattr(home, name)
        monkeypatch.setattr(home, name, lambda *given, own=own, name=name: steps.update([name]) or own(*given))
    counted = []
    for trials in (100, 400):
        study = optuna.create_study()
        for number, values in zip(range(trials), product(range(10), repeat=3), strict=False):
            params = dict(zip("abc", values, strict=True))
            study.add_trial(optuna.trial.create_trial(value=number, params=params, distributions=space))
        steps.clear()
        study.sampler = MCTSSampler(space, seed=0)
        study.ask(space)
        counted.append(dict(steps))
    assert counted[1] == {name: 4 * count for name, count in counted[0].items()}
