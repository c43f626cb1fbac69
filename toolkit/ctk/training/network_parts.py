"""Making what a network is trained or looked at with: losses, transforms, views."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from ctk.config.training_keys import Training
from ctk.contract import Choice, View
from ctk.plugins.guard import Guard
from ctk.samples import Samples
from ctk.training.datasets import FeaturesDataset
from ctk.training.sequences import MASK


def make_component(kind: str, choice: Choice, train: Samples) -> tuple[Any, Guard]:
    """Make a loss, transform or view, of the samples where it asks for them; with the guard that it was made in."""
    guard = Guard(kind, choice.name)
    thing = guard.load()
    make = partial(thing.for_samples, train) if hasattr(thing, "for_samples") else thing
    return guard.call("make", make, **choice.options), guard


def make_views(training: Training, network: nn.Module, samples: Samples) -> list[View]:
    """Make a member's views, guarded, and have each look at a row of the samples, so that none fails after a fit."""
    views: list[View] = []
    for choice in training.tta:
        view, guard = make_component("views", choice, samples)
        views.append(guard.wrap(view))
    names: Any = network.features
    if views and len(samples):
        row = FeaturesDataset(samples, [name for name in names if name != MASK])[torch.arange(1)]
        for view in views:
            for number in range(view.count()):
                view.look(dict(row), number)
    return views
