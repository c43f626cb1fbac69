"""Loading an open_clip model from a tag or a checkpoint file, with the preprocessing it was trained with.

open_clip knows the preprocessing of a tag, but gives a checkpoint file its defaults whatever the weights were trained
with (mlfoundations/open_clip issue 1068). Here a file's preprocessing comes from, in this order: the config that is
given; ``open_clip_config.json`` beside the file, as the hub publishes it; what all published weights of the model have
in common. Where they differ, a file alone is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2

from ctk.errors import CtkError, UsageError, nearest
from ctk.files import write_json

BESIDE = "open_clip_config.json"
PARTS = ("embed_dim", "vision_cfg", "text_cfg")
PREPROCESSING = ("size", "mode", "mean", "std", "interpolation", "resize_mode", "fill_color")
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")


@dataclass(frozen=True)
class Clip:
    """A model ready to embed.

    preprocess  a PIL picture to a (3, H, W) float32 tensor
    tokenize    B texts to (B, L) int64
    """

    model: torch.nn.Module
    preprocess: Callable[[Any], torch.Tensor]
    tokenize: Callable[[Sequence[str]], torch.Tensor]


def load(model: str, pretrained: str, config: str | None, device: torch.device, folder: Path) -> Clip:
    """Load a model for inference.

    model       an architecture that open_clip knows by name; passed over where there is a config
    pretrained  a tag of published weights, fetched from the hub or found in its cache; or a checkpoint file
    config      a JSON file: the architecture, or ``{"model_cfg": architecture, "preprocess_cfg": {...}}``
    folder      where a config's architecture is put for open_clip to read
    Raises UsageError for names and files that are not there, CtkError for weights that cannot be had or do not fit.
    """
    file = _checkpoint(pretrained, model)
    if config is None and file is not None and (file.parent / BESIDE).is_file():
        config = str(file.parent / BESIDE)
    if config is not None:
        if file is None:
            raise UsageError(
                f"Filter 'clip': with a config, pretrained must be a checkpoint file; '{pretrained}' is none.",
                "Give the file with the weights of that config.",
            )
        architecture, preprocessing = _read_config(Path(config))
        model = _introduce(architecture, folder)
    elif file is not None:
        preprocessing = common_preprocessing(model, file)
    else:
        published = open_clip.get_pretrained_cfg(model, pretrained)
        _same_activation(model, pretrained, published)
        preprocessing = _preprocessing(published)
        file = _fetched(model, pretrained, published)
    # The base towers of some architectures would otherwise be fetched from the hub only to be overwritten.
    try:
        network = open_clip.create_model(
            model,
            pretrained=str(file.resolve()),
            device=device,
            force_preprocess_cfg=preprocessing,
            pretrained_text=False,
            require_pretrained=True,
            weights_only=True,
        ).eval()
        tokenize = open_clip.get_tokenizer(model)
    except Exception as error:  # open_clip, torch, safetensors and the hub each have classes of their own
        raise CtkError(
            f"{file}: does not load as {config or model} ({_reason(error)}).",
            "Check that the model or config is the one these weights were trained as, and that the file is whole.",
        ) from error
    settings = PreprocessCfg(**network.visual.preprocess_cfg)
    return Clip(network, image_transform_v2(settings, is_train=False), tokenize)


def _checkpoint(pretrained: str, model: str) -> Path | None:
    """The checkpoint file, or None if it is a tag of the model."""
    if open_clip.get_pretrained_cfg(model, pretrained):
        return None
    path = Path(pretrained).expanduser()
    if path.is_dir():
        inside = sorted(each.name for each in path.iterdir() if each.suffix in WEIGHTS)
        help = f"Give the file, for example {path / inside[0]}." if inside else "It holds no checkpoint file."
        raise UsageError(f"Filter 'clip': pretrained is a folder, {path}; it must be a tag or a checkpoint file.", help)
    if path.is_file():
        return path
    if path.suffix in WEIGHTS or len(path.parts) > 1:
        raise UsageError(f"{path}: there is no such checkpoint file.", "Check the filter's key 'pretrained'.")
    _require_model(model)
    tags = open_clip.list_pretrained_tags_by_model(model)
    raise UsageError(
        f"open_clip has no weights '{pretrained}' for {model}, and there is no such file.",
        nearest(pretrained, tags, "weights"),
    )


def _require_model(model: str) -> None:
    known = open_clip.list_models()
    if model not in known:
        raise UsageError(f"open_clip has no model '{model}'.", nearest(model, known, "models"))


def _read_config(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Architecture and preprocessing of a config file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such config.", "Check the filter's key 'config'.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as JSON ({_reason(error)}).") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a model config is a JSON object.")
    architecture = content.get("model_cfg", content)
    if not isinstance(architecture, dict) or (lacking := [part for part in PARTS if part not in architecture]):
        named = "an object" if not isinstance(architecture, dict) else f"'{lacking[0]}'"
        raise UsageError(f"{path}: the model config lacks {named}.", f"It needs {', '.join(PARTS)}.")
    return architecture, _preprocessing(content.get("preprocess_cfg", {}))


def _introduce(architecture: Mapping[str, Any], folder: Path) -> str:
    """Make an architecture known to open_clip, which wants a file; returns the name it goes by there."""
    digest = hashlib.sha256(json.dumps(architecture, sort_keys=True).encode()).hexdigest()[:12]
    path = folder / f"custom-{digest}.json"
    write_json(path, architecture)
    open_clip.add_model_config(path)
    return path.stem


def common_preprocessing(model: str, file: Path) -> dict[str, Any]:
    """What all published weights of a model are preprocessed with, {} for none; UsageError where they differ."""
    _require_model(model)
    published = [open_clip.get_pretrained_cfg(model, tag) for tag in open_clip.list_pretrained_tags_by_model(model)]
    gelu = _quick_gelu(open_clip.get_model_config(model))
    # Weights of the other activation are published under this name too, but belong to the model of another name.
    distinct = {json.dumps(_preprocessing(each), sort_keys=True) for each in published if _quick_gelu(each) == gelu}
    if len(distinct) > 1:
        raise UsageError(
            f"{file}: weights of {model} were published with {len(distinct)} different preprocessings;"
            " the file does not say which it needs.",
            f"Put the {BESIDE} that was published with it beside it, or give a config with 'preprocess_cfg'.",
        )
    common: dict[str, Any] = json.loads(distinct.pop()) if distinct else {}
    return common


def _same_activation(model: str, tag: str, published: Mapping[str, Any]) -> None:
    """Weights trained with QuickGELU load without complaint into a model without it, and are then worse."""
    if _quick_gelu(published) == _quick_gelu(open_clip.get_model_config(model)):
        return
    fitting = [name for name in (f"{model}-quickgelu", model.removesuffix("-quickgelu")) if name != model]
    known = [name for name in fitting if tag in open_clip.list_pretrained_tags_by_model(name)]
    raise UsageError(
        f"The weights '{tag}' were trained with {'' if _quick_gelu(published) else 'no '}QuickGELU, {model} is not so.",
        f"Set model: {known[0]}." if known else "Choose other weights.",
    )


def _fetched(model: str, tag: str, published: dict[str, Any]) -> Path:
    try:
        path = open_clip.download_pretrained(published)
    except Exception as error:  # the hub's, its HTTP library's, urllib's or the disk's
        raise CtkError(
            f"The weights '{tag}' of {model} cannot be fetched ({_reason(error)}).",
            f"Without a connection give a checkpoint file: pretrained: /path/to/open_clip_model.safetensors, with its"
            f" {BESIDE} beside it.",
        ) from error
    if not path:
        raise CtkError(f"open_clip does not say where the weights '{tag}' of {model} lie.", "Give a checkpoint file.")
    return Path(path)


def _preprocessing(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in PREPROCESSING if name in settings}


def _quick_gelu(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("quick_gelu", False))


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:240] or type(error).__name__
