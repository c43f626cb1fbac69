"""Models of Hugging Face transformers as components of ctk.

Each name is imported when it is first used (PEP 562): transformers takes seconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctk_transformers.base_model import PretrainedBase, load_base
    from ctk_transformers.frozen import leave_out_frozen
    from ctk_transformers.generative import AnswerNetwork
    from ctk_transformers.lora import Lora, add_lora, load_lora, save_lora
    from ctk_transformers.vision_language import VisionLanguageNetwork

_HOMES = {
    "AnswerNetwork": "generative",
    "Lora": "lora",
    "PretrainedBase": "base_model",
    "VisionLanguageNetwork": "vision_language",
    "add_lora": "lora",
    "leave_out_frozen": "frozen",
    "load_base": "base_model",
    "load_lora": "lora",
    "save_lora": "lora",
}
__all__ = [
    "AnswerNetwork",
    "Lora",
    "PretrainedBase",
    "VisionLanguageNetwork",
    "add_lora",
    "leave_out_frozen",
    "load_base",
    "load_lora",
    "save_lora",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"ctk_transformers.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ctk_transformers' has no attribute '{name}'")
