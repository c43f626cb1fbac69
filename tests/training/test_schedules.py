"""The learning rate at each step is what the papers and torch say."""

import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, CosineAnnealingWarmRestarts

from ctk.config.training_keys import Schedule, Training
from ctk.contract.schema import validate_config
from ctk.errors import UsageError
from ctk.training.schedules import learning_rate_factor

AN_EPOCH = 7


def by_torch(make, steps, lr=8e-4, every=1.0):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = make(optimizer)
    found = []
    for step in range(steps):
        if every != 1.0:
            scheduler.step(step * every)
        found.append(scheduler.get_last_lr()[0])
        if every == 1.0:
            optimizer.step()
            scheduler.step()
    return found


def ours(schedule, steps, lr=8e-4):
    rate = learning_rate_factor(Schedule(**schedule), lr, steps, steps / AN_EPOCH)
    return [lr * rate(step) for step in range(steps)]


@pytest.mark.parametrize(("growth", "floor"), [(2, 1e-6), (1, 0.0), (3, 1e-5)])
def test_restarts_are_those_of_torch(growth, floor):
    steps = 9 * AN_EPOCH
    wanted = by_torch(
        lambda optimizer: CosineAnnealingWarmRestarts(optimizer, T_0=3, T_mult=growth, eta_min=floor),
        steps,
        every=1 / AN_EPOCH,
    )
    found = ours({"name": "cosine-restarts", "cycle": 3, "growth": growth, "floor": floor}, steps)
    assert found == pytest.approx(wanted, rel=1e-12)


def test_cycles_of_three_and_six_epochs_begin_at_the_full_rate():
    found = ours({"name": "cosine-restarts", "cycle": 3, "growth": 2}, 9 * AN_EPOCH)
    assert [step / AN_EPOCH for step, rate in enumerate(found) if rate == 8e-4] == [0, 3]


def test_one_cosine_is_that_of_torch_and_ends_at_the_floor():
    steps = 5 * AN_EPOCH
    wanted = by_torch(lambda optimizer: CosineAnnealingLR(optimizer, T_max=steps, eta_min=1e-5), steps)
    assert ours({"name": "cosine", "floor": 1e-5}, steps) == pytest.approx(wanted, rel=1e-9)


def test_the_warm_up_is_linear_and_the_cosine_follows_it():
    found = ours({"name": "cosine-restarts", "warmup": 1, "cycle": 2}, 5 * AN_EPOCH)
    assert found[:AN_EPOCH] == pytest.approx([8e-4 * (step + 1) / AN_EPOCH for step in range(AN_EPOCH)])
    assert found[AN_EPOCH] == found[3 * AN_EPOCH] == 8e-4
    assert found[2 * AN_EPOCH] == pytest.approx(8e-4 * (1 + math.cos(math.pi / 2)) / 2)


def test_a_key_of_another_schedule_is_refused():
    with pytest.raises(UsageError, match="a cosine schedule has no 'cycle'"):
        validate_config(Schedule, {"name": "cosine", "cycle": 3}, "schedule")


def test_a_stage_may_choose_another_schedule():
    common = {"schedule": {"name": "cosine-restarts", "cycle": 3}, "stages": ({}, {"schedule": {"name": "plateau"}})}
    assert [stage.schedule.name for stage in Training(**common).phases()] == ["cosine-restarts", "plateau"]
