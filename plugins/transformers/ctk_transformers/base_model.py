"""A generative model to fine-tune, with what it reads by: tokenizer, image processor, chat template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

from ctk.errors import UsageError
from ctk_transformers.pretrained import find_pretrained, load_pretrained

Kind = Literal["image-text", "text"]


@dataclass(frozen=True)
class PretrainedBase:
    """A model of transformers that writes text, with its processor.

    name       its folder's absolute path or its id on the hub, as an adapter's ``adapter_config.json`` names it
    model      float32, on the CPU, in evaluation mode
    tokenizer  of its text; has a padding token
    processor  of pictures and text together; None for a model of text alone
    """

    name: str
    model: Any
    tokenizer: Any
    processor: Any = None

    def prompt(self, text: str) -> str:
        """Write what the model is asked as its chat template has it, up to where its answer begins.

        A model of text alone that has no template is given the text and a new line.
        """
        content: Any = text
        if self.processor is not None:
            content = [{"type": "image"}, {"type": "text", "text": text}]
        elif self.tokenizer.chat_template is None:
            return f"{text}\n"
        asks = self.tokenizer if self.processor is None else self.processor
        made: str = asks.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
        return made


def load_base(model: str, kind: Kind = "image-text") -> PretrainedBase:
    """Load a model and its processor from a folder, ``PACKAGE:FOLDER`` or by its id on the hub.

    kind  "image-text": what ``AutoModelForImageTextToText`` loads; "text": what ``AutoModelForCausalLM`` loads
    Raises UsageError and CtkError as ``load_pretrained``; UsageError for a model of pictures without a chat template.
    """
    name, _ = find_pretrained(model)
    loads: Any = AutoModelForImageTextToText if kind == "image-text" else AutoModelForCausalLM
    network = load_pretrained(loads, model, dtype=torch.float32).eval()
    files = "config.json, model.safetensors and the processor's files"
    if kind == "image-text":
        processor = load_pretrained(AutoProcessor, model, files)
        tokenizer = getattr(processor, "tokenizer", None)
        if tokenizer is None or getattr(processor, "chat_template", None) is None:
            raise UsageError(f"{model}: its processor has no chat template.", "Use a model that was tuned to answer.")
    else:
        processor, tokenizer = None, load_pretrained(AutoTokenizer, model, files)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return PretrainedBase(name, network, tokenizer, processor)
