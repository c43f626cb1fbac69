"""The loss of networks that have one of their own."""

from __future__ import annotations

from torch import Tensor, nn

from ctk.contract import Batch
from ctk.errors import UsageError


class OwnLoss(nn.Module):
    """The network's ``training_loss``, which is asked in the place of this: it says so in configs."""

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Raise UsageError: it compares no predictions."""
        raise UsageError("The loss 'own' compares no predictions.", "It is for networks that have a training_loss.")
