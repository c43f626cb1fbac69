"""Causal language models: a text to a text."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

from torch import Tensor

from ctk.contract import Count
from ctk_transformers.generative import DEFAULT_LORA, AnswerNetwork
from ctk_transformers.lora import Lora


class CausalLanguageNetwork(AnswerNetwork):
    """A causal language model of transformers, fine-tuned to answer: anything that ``AutoModelForCausalLM`` loads.

    The options are those of AnswerNetwork. Of a text a network is given the first 128 characters.
    """

    kind = "text"

    def __init__(
        self,
        *,
        model: str = "HuggingFaceTB/SmolLM2-135M-Instruct",
        text: str = "question",
        prompt: str = "",
        lora: Lora | None = DEFAULT_LORA,
        max_new_tokens: Count = 32,
        at_once: Count = 32,
        checkpointing: bool = False,
    ) -> None:
        super().__init__(
            model=model,
            text=text,
            prompt=prompt,
            lora=lora,
            max_new_tokens=max_new_tokens,
            at_once=at_once,
            checkpointing=checkpointing,
        )
        self.has_positions = "position_ids" in inspect.signature(self.pretrained.model.forward).parameters

    def tokenized(self, prompts: Sequence[str], values: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Make tokens of prompts; a chat template has written the special ones."""
        tokenizer = self.pretrained.tokenizer
        own = tokenizer.chat_template is None
        made: Mapping[str, Tensor] = tokenizer(list(prompts), add_special_tokens=own, padding=True, return_tensors="pt")
        return made

    def with_answers(self, inputs: Mapping[str, Tensor], answers: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
        """Count positions from each prompt's own beginning too, as ``generate`` does: some models' are absolute."""
        whole, labels = super().with_answers(inputs, answers)
        if self.has_positions:
            whole["position_ids"] = (whole["attention_mask"].cumsum(dim=1) - 1).clamp(min=0)
        return whole, labels
