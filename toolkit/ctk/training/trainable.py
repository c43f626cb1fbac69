"""Training some parts of a network alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from ctk.errors import UsageError, nearest


def trained_names(network: nn.Module, patterns: Sequence[str]) -> set[str]:
    """Name the parameters that shell patterns fit. Raises UsageError for a pattern that fits none."""
    names = [name for name, _ in network.named_parameters()]
    fitting: set[str] = set()
    for pattern in patterns:
        found = {name for name in names if fnmatchcase(name, pattern)}
        if not found:
            raise UsageError(
                f"Config key 'trainable': '{pattern}' fits no parameter of the network {type(network).__name__}.",
                nearest(pattern, [*names, *(f"{name}.*" for name, _ in network.named_children())], "parameters"),
            )
        fitting |= found
    return fitting


@contextmanager
def only_trainable(network: nn.Module, patterns: Sequence[str] | None) -> Iterator[None]:
    """Keep a network's other parameters, and their batch norms' averages, as they are within the block.

    None trains all that can be. Raises UsageError for a pattern that fits none.
    """
    if patterns is None:
        yield
        return
    trained = trained_names(network, patterns)
    frozen = [name for name, each in network.named_parameters() if name not in trained and each.requires_grad]
    norms = [name for name, each in network.named_modules() if isinstance(each, _NormBase) and each.training]
    still = [name for name in norms if not _is_trained(name, network, trained)]
    for name in frozen:
        network.get_parameter(name).requires_grad_(False)
    for name in still:
        network.get_submodule(name).eval()
    try:
        yield
    finally:  # by name, for on several GPUs Lightning puts other batch norms in their place
        for name in frozen:
            network.get_parameter(name).requires_grad_(True)
        for name in still:
            network.get_submodule(name).train()


def _is_trained(norm: str, network: nn.Module, trained: set[str]) -> bool:
    """Whether a norm's own parameters are trained, or, if it has none, any beside it."""
    inside = norm
    while inside and not any(True for _ in network.get_submodule(inside).parameters()):
        inside = inside.rpartition(".")[0]
    return any(name.startswith(f"{inside}.") or not inside for name in trained)
