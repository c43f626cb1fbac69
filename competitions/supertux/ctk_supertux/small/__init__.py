"""A small vision-language model of SmolVLM-256M's architecture, with a tokenizer of its own."""

from __future__ import annotations

from ctk_supertux.small.architecture import new_processor, write_new
from ctk_supertux.small.tokenizer import train_tokenizer

__all__ = ["new_processor", "train_tokenizer", "write_new"]
