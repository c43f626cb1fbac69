"""Samplers made anew for each trial: finite spaces without repetition, a proposal that a kill cut off made whole."""

import itertools

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from ctk.errors import UsageError
from ctk_search import samplers
from ctk_search.study import create, load, own_url, seed_of

FINITE = {
    "a": CategoricalDistribution(["x", None, 3.5]),
    "b": IntDistribution(4, 12, step=4),
    "c": FloatDistribution(0.1, 0.5, step=0.1),
}
CONTINUOUS = {**FINITE, "d": FloatDistribution(1e-4, 1.0, log=True)}


def ask(factory, space, trials, seed=0):
    study = optuna.create_study()
    for number in range(trials):
        study.sampler = factory(space, seed_of(seed, number))
        study.tell(study.ask(dict(space)), number)
    return study, [tuple(trial.params.values()) for trial in study.trials]


VALUES = [["x", None, 3.5], [4, 8, 12], [0.1, 0.2, pytest.approx(0.3), 0.4, 0.5]]


def test_random_tries_every_point_of_a_finite_space_once_in_an_order_of_its_seed():
    study, tried = ask(samplers.random, FINITE, 45)
    assert len(set(tried)) == 45
    assert samplers.random(FINITE, 0).exhausted(study)
    assert tried == ask(samplers.random, FINITE, 45)[1]
    assert tried != ask(samplers.random, FINITE, 45, seed=1)[1]


def test_grid_goes_through_the_points_in_order():
    _, tried = ask(samplers.grid, FINITE, 45)
    assert tried == list(itertools.product(*VALUES))


def test_grid_refuses_what_it_cannot_count():
    with pytest.raises(UsageError, match="cannot count the values of d"):
        samplers.grid(CONTINUOUS, 0)


@pytest.mark.parametrize("factory", [samplers.random, samplers.tpe, samplers.grid])
@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_proposal_that_a_kill_cut_off_is_made_whole_as_it_would_have_been(tmp_path, factory, written):
    space = FINITE if factory is samplers.grid else CONTINUOUS
    trials = 14  # tpe begins after ten at random
    _, whole = ask(factory, space, trials)
    book = create(own_url(tmp_path), "study", "min", "print", tmp_path)
    for number in range(trials - 1):
        book.tell(book.ask(space, factory(space, seed_of(0, number))).number, optuna.trial.TrialState.COMPLETE, number)
    # What a kill between two writes leaves: a running trial with the first of its parameters.
    values = dict(zip(space, whole[-1], strict=True))
    cut = book.study.ask()
    for name in list(space)[:written]:
        place = book.storage.get_trial_id_from_study_id_trial_number(book.id, cut.number)
        book.storage.set_trial_param(place, name, space[name].to_internal_repr(values[name]), space[name])
    book = load(own_url(tmp_path), "study", "min", "print", tmp_path)
    made = book.completed(book.trials()[-1], space, factory(space, seed_of(0, cut.number)))
    assert tuple(made.params[name] for name in space) == whole[-1]
