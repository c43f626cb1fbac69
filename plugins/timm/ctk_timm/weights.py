"""A timm model by name, with random weights, the hub's, or a file's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
from timm.models import get_pretrained_cfg, load_state_dict
from torch import Tensor, nn

from ctk.errors import CtkError, UsageError, near, nearest
from ctk_timm.hub import HubFile, not_fetched

HELP = "Give the weights as a file (checkpoint: FILE), or begin without (pretrained: false)."


def require_model(name: str) -> None:
    """Raise UsageError for a model, or a tag of one, that timm does not have, with the nearest."""
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise UsageError(f"timm has no model '{name}'.", _nearest(architecture, timm.list_models()))
    tags = [each.partition(".")[2] for each in timm.list_models(f"{architecture}.*", pretrained=True)]
    if tag and tag not in tags:
        raise UsageError(f"timm has no weights '{tag}' of {architecture}.", nearest(tag, tags, "weights"))


def new_model(name: str, channels: int, size: tuple[int, int]) -> nn.Module:
    """Make a model with random weights and without its classifier, for pictures of a size (height, width)."""
    require_model(name)
    return _create(name, channels, size)


def fetched_model(name: str, channels: int, size: tuple[int, int]) -> nn.Module:
    """Make a model with timm's published weights, from the hub's cache where they are there.

    Raises UsageError for a model without any, CtkError at once where the hub cannot be reached.
    """
    require_model(name)
    config = get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise UsageError(f"timm has no published weights of '{name}'.", HELP)
    what, overlay = f"The weights of '{name}'", {}
    if config.hf_hub_id:
        file = HubFile(config.hf_hub_id, config.hf_hub_filename or "model.safetensors")
        if cached := file.cached():
            overlay = {"file": str(cached)}  # else timm asks the hub whether it is still the newest
        else:
            file.require(what, HELP)
    try:
        return _create(name, channels, size, pretrained=True, pretrained_cfg_overlay=overlay)
    except Exception as error:
        raise not_fetched(what, error, HELP) from error


def loaded_model(name: str, channels: int, size: tuple[int, int], path: Path) -> nn.Module:
    """Make a model with the weights of a file; a classifier in it is passed over.

    A first convolution of 3 channels is repeated to ``channels``, and divided so that its sums stay as they were; this
    and tables of positions of another size are timm's to adapt. Nothing in the file is executed.
    Raises CtkError for a file that cannot be read, and for weights of another model with the first that does not fit.
    """
    require_model(name)
    if not path.is_file():
        raise UsageError(f"{path}: there is no such checkpoint file.", "Check the backbone's key 'checkpoint'.")
    try:
        state: dict[str, Any] = load_state_dict(str(path), device="cpu", weights_only=True)
    except Exception as error:  # torch's, safetensors', pickle's or zipfile's
        raise CtkError(
            f"{path}: cannot be read as a checkpoint ({type(error).__name__}).",
            "It must be whole, a .safetensors file or a state dict that torch.save wrote.",
        ) from error
    if not all(isinstance(each, Tensor) for each in state.values()):
        raise CtkError(f"{path}: holds no state dict, weights by name.")
    model = _create(name, channels, size)
    dropped = tuple(f"{each}." for each in _names(model, "classifier"))
    state = {key: value for key, value in state.items() if not key.startswith(dropped)}
    own = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    if lacking := [key for key in own if key not in state]:
        raise _misfit(path, name, f"it lacks '{lacking[0]}'")
    if foreign := [key for key in state if key not in own]:
        raise _misfit(path, name, f"it holds '{foreign[0]}'")
    try:
        return _create(name, channels, size, pretrained=True, pretrained_cfg_overlay={"state_dict": state})
    except RuntimeError as error:
        first = {f"{each}.weight" for each in _names(model, "first_conv")}
        for key, shape in own.items():
            if key not in first and tuple(state[key].shape) != shape:
                raise _misfit(path, name, f"'{key}' is {tuple(state[key].shape)}, not {shape}") from error
        raise _misfit(path, name, f"'{min(first, default='?')}' is of other channels") from error


def _create(name: str, channels: int, size: tuple[int, int], **options: Any) -> nn.Module:
    config = get_pretrained_cfg(name)
    if config is not None and config.fixed_input_size:
        options["img_size"] = size
    try:
        return timm.create_model(name, in_chans=channels, num_classes=0, **options)
    except (AssertionError, TypeError, ValueError) as error:
        raise UsageError(
            f"timm's model '{name}' cannot be made for pictures of {size[0]} x {size[1]} with {channels} channels"
            f" ({str(error) or type(error).__name__}).",
            "Choose another size, or another backbone.",
        ) from error


def _names(model: Any, key: str) -> tuple[str, ...]:
    """Parts of a model as timm names them: one, several or none."""
    named = model.pretrained_cfg.get(key) or ()
    return (named,) if isinstance(named, str) else tuple(named)


def _misfit(path: Path, name: str, reason: str) -> CtkError:
    return CtkError(
        f"{path}: these weights are not of timm's model '{name}': {reason}.",
        "Set the backbone's name to the model they were saved from.",
    )


def _nearest(name: str, known: list[str]) -> str:
    """The nearest of more than a thousand models."""
    return near(name, known) or "`timm.list_models()` names all of them."
