"""The learning rate at each step."""

from __future__ import annotations

import math
from collections.abc import Callable

from ctk.config.training_keys import Schedule


def learning_rate_factor(
    schedule: Schedule, lr: float, steps: int, epochs: float, late: tuple[int, float] | None = None
) -> Callable[[int], float]:
    """Make the factor of the learning rate ``lr`` at each of ``steps`` steps, which are ``epochs`` epochs.

    ``late`` is after how many of them another factor holds, and which.

    A cosine falls as in Loshchilov and Hutter 2017 (SGDR, arXiv:1608.03983), equation 5, step by step.
    """
    an_epoch = steps / epochs
    warm = schedule.warmup * an_epoch
    floor = schedule.floor / lr

    def rate(step: int) -> float:
        if late is not None and step >= late[0] * an_epoch:
            return late[1]
        if step < warm:
            return (step + 1) / warm
        if schedule.name == "cosine":
            return cosine((step - warm) / max(1.0, steps - warm))
        if schedule.name == "cosine-restarts":
            since, cycle = step - warm, schedule.cycle * an_epoch
            while since >= cycle:
                since, cycle = since - cycle, cycle * schedule.growth
            return cosine(since / cycle)
        return 1.0

    def cosine(share: float) -> float:
        return floor + (1 - floor) * (1 + math.cos(math.pi * share)) / 2

    return rate
