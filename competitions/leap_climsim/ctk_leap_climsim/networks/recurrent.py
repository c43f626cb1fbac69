"""Recurrent layers over levels: how they are made and started."""

from __future__ import annotations

from torch import nn


def bilstm(inputs: int, hidden: int, layers: int = 1) -> nn.LSTM:
    """Bidirectional LSTM (Hochreiter and Schmidhuber 1997) over (B, levels, inputs) to (B, levels, 2 * hidden)."""
    return nn.LSTM(inputs, hidden, num_layers=layers, bidirectional=True, batch_first=True)


def start_like_keras(*modules: nn.Module) -> None:
    """Xavier input weights (Glorot and Bengio 2010), orthogonal recurrent ones, biases 0 but the forget gate's 1.

    So the 2nd-place solution (ChunhanLi/2nd-kaggle-LEAP, 2024) starts its later LSTMs and linear layers.
    """
    for module in modules:
        for name, parameter in module.named_parameters():
            if "bias" in name:
                nn.init.zeros_(parameter)
            elif "weight_hh" in name:
                nn.init.orthogonal_(parameter)
            else:
                nn.init.xavier_uniform_(parameter)
            if "bias_ih" in name:  # gates in torch's order: input, forget, cell, output
                _, forget, _, _ = parameter.data.chunk(4)
                forget.fill_(1.0)
