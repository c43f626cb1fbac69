"""L1 as a loss."""

import numpy as np
import pytest
import torch

from ctk.components.smooth_l1 import L1
from ctk.contract import Batch


def test_l1_is_the_mean_absolute_difference():
    prediction, target = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    loss = L1()(torch.from_numpy(prediction), Batch({}, torch.from_numpy(target), None))
    assert loss.item() == pytest.approx(np.abs(prediction - target).mean(), rel=1e-6)
