"""Presets: what they say of a published model is what that model is."""

import numpy as np
import pytest

from ctk.config.resolve import base_config, resolve
from ctk.plugins import plugins
from ctk.samples import Samples, Targets
from ctk.training.schedules import learning_rate_factor
from ctk_leap_climsim.columns import GROUPS, INPUTS, TARGETS
from ctk_leap_climsim.competition import LEAPClimSim


def member_of(preset):
    """A preset's only member that is blended, its options and training checked and filled in."""
    config = resolve(base_config(LEAPClimSim(), None, preset), plugins())
    (member,) = (member for member in config.members if member.blend)
    return config, member


def parameters(member):
    constants = {
        "feature_mean": np.zeros(len(INPUTS)),
        "feature_std": np.ones(len(INPUTS)),
        **dict.fromkeys(("target_mean", "target_std", "weights"), np.ones(len(TARGETS))),
    }
    samples = Samples(
        np.arange(0), {}, np.zeros((0, len(TARGETS))), constants=constants, targets=Targets(np.array(TARGETS), GROUPS)
    )
    network = plugins().load("models", member.model.name).for_samples(samples, **member.model.options)
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("preset", sorted(LEAPClimSim().presets()))
def test_every_preset_resolves(preset):
    resolve(base_config(LEAPClimSim(), None, preset), plugins())


@pytest.mark.parametrize(
    ("preset", "seed", "millions"),
    [
        ("014", 1995, 12.117),
        ("015", 1995, 12.117),
        ("021", 1997, 16.523),
        ("022", 1998, 15.394),
        ("007", 2024, 15.438),
        ("010", 2024, 15.438),
        ("adam-195", 47, 9.684),
        ("adam-197", 1103, 45.415),
        ("adam-200", 9, 9.533),
    ],
)
def test_published_models_have_their_seed_and_size(preset, seed, millions):
    config, member = member_of(preset)
    assert config.seeds_of(member) == (seed,)
    assert parameters(member) / 1e6 == pytest.approx(millions, abs=0.001)


@pytest.mark.parametrize(
    ("preset", "lr"), [("014", 1.6e-4), ("015", 2.4e-4), ("021", 2.4e-4), ("022", 2.4e-4), ("010", 8e-4)]
)
def test_the_last_epoch_is_one_of_copies_with_a_loss_and_a_learning_rate_of_its_own(preset, lr):
    whole, copies = member_of(preset)[1].training.phases()
    assert whole.copies is None
    assert copies.copies == "target-groups"
    assert (copies.epochs, copies.optimizer.lr, copies.schedule.floor) == (1, lr, 1e-7)
    assert (whole.loss.options["beta"], copies.loss.options["beta"]) == (0.5, 1.0)
    assert copies.clip is None
    assert whole.validate_every == copies.validate_every == 0.5


@pytest.mark.parametrize(("preset", "epochs"), [("014", [0, 3]), ("022", [0, 3]), ("007", [0, 3, 9])])
def test_cosines_begin_after_three_and_nine_epochs(preset, epochs):
    training = member_of(preset)[1].training.phases()[0]
    rate = learning_rate_factor(training.schedule, training.optimizer.lr, 100 * training.epochs, training.epochs)
    assert [step / 100 for step in range(100 * training.epochs) if rate(step) == 1.0] == epochs
    assert training.optimizer.lr * rate(299) == pytest.approx(1e-6, rel=0.1)
