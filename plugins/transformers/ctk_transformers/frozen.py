"""A state without the weights that are never trained."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def leave_out_frozen(network: nn.Module) -> None:
    """Leave the parameters that need no gradient now out of a network's ``state_dict``; ``load_state_dict`` needs none.

    A model of some hundred million weights that are not trained is then not written at each checkpoint, nor held once
    for each best epoch: whoever makes the network again loads it from where it came from.
    """
    named = network.named_parameters(remove_duplicate=False)
    frozen = frozenset(name for name, each in named if not each.requires_grad)

    def drop(module: nn.Module, state: dict[str, Tensor], prefix: str, local_metadata: Any) -> None:
        for name in frozen:
            state.pop(prefix + name, None)

    def put_back(module: nn.Module, state: dict[str, Tensor], prefix: str, *reported: Any) -> None:
        for name in frozen:  # torch gives a copy of what it was called with
            state.setdefault(prefix + name, module.get_parameter(name).data)

    network.register_state_dict_post_hook(drop)  # type: ignore[no-untyped-call]
    network.register_load_state_dict_pre_hook(put_back)  # type: ignore[no-untyped-call]
