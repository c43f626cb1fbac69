"""Causal language models: a text to a text."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

from torch import Tensor

from ctk_transformers.generative import AnswerNetwork


class CausalLanguageNetwork(AnswerNetwork):
    """A causal language model of transformers, fine-tuned to answer: anything that ``AutoModelForCausalLM`` loads.

    The options are those of AnswerNetwork. Of a text a network is given the first 128 characters.
    """

    kind = "text"

    def with_answers(self, inputs: Mapping[str, Tensor], answers: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
        """Count positions from each prompt's own beginning too, as ``generate`` does: some models' are absolute."""
        whole, labels = super().with_answers(inputs, answers)
        if "position_ids" in inspect.signature(self.pretrained.model.forward).parameters:
            whole["position_ids"] = (whole["attention_mask"].cumsum(dim=1) - 1).clamp(min=0)
        return whole, labels
