"""Bidirectional LSTMs over sequences of different lengths."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MaskedBiLSTM(nn.Module):
    """Bidirectional LSTMs (Hochreiter and Schmidhuber 1997) over padded sequences, as if each were alone.

    (S, L, inputs) to (S, L, 2 * hidden). The rows of a sequence come first, padding behind them: the forward direction
    never sees it before a row, and the backward one is given each sequence turned around by itself. That equals packed
    sequences, without lengths on the CPU, which a GPU would be waited for, and without what exporters do not have.
    """

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        widths = [inputs, *[2 * hidden] * (layers - 1)]
        self.onward = nn.ModuleList(nn.LSTM(width, hidden, batch_first=True) for width in widths)
        self.back = nn.ModuleList(nn.LSTM(width, hidden, batch_first=True) for width in widths)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the states of both directions; what stands at padding means nothing."""
        place = torch.arange(mask.shape[1], device=mask.device)
        last = mask.sum(dim=1, keepdim=True) - 1
        turned = torch.where(mask, last - place, place)
        for onward, back in zip(self.onward, self.back, strict=True):
            x = torch.cat([onward(x)[0], _turn(back(_turn(x, turned))[0], turned)], dim=-1)
        return x


def _turn(x: Tensor, order: Tensor) -> Tensor:
    """Each sequence's rows in its own order (S, L)."""
    return x.gather(1, order.unsqueeze(-1).expand(-1, -1, x.shape[-1]))
