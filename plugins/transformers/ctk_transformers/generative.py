"""Networks that answer in words: a model of transformers, fine-tuned on answers by the toolkit's own loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import GenerationConfig

from ctk.contract import Batch, Count
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk.training import text_codes, texts_of
from ctk_transformers.base_model import Kind, PretrainedBase, load_base
from ctk_transformers.frozen import leave_out_frozen
from ctk_transformers.lora import Lora, add_lora, save_lora

IGNORED = -100
"""The label of a token that the loss does not count, torch's own."""
DEFAULT_LORA = Lora()


class AnswerNetwork(nn.Module):
    """A model that is asked by its chat template and answers; trained on the tokens of the answer and its end alone.

    Its state is what is trained: adapters, or the whole model where there are none. ``base`` is the model's folder or
    its id on the hub. A subclass says what is read besides the question.

    model          a folder, ``PACKAGE:FOLDER`` or an id of the hub
    text           the feature (N,) str with the question
    prompt         what stands before every question
    lora           adapters on named layers; null trains every weight
    max_new_tokens  of an answer
    at_once        questions that are answered together
    checkpointing  compute activations again in the backward pass instead of keeping them
    """

    kind: ClassVar[Kind]
    features: tuple[str, ...] = ("question",)

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
        super().__init__()
        self.features = (text,)
        self.prompt, self.at_once = prompt, at_once
        self.pretrained: PretrainedBase = load_base(model, self.kind)
        self.base = self.pretrained.name
        network = self.pretrained.model
        if checkpointing:
            network.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self.model: Any = network if lora is None else add_lora(network, Lora.model_validate(lora))
        tokenizer, own = self.pretrained.tokenizer, network.generation_config.eos_token_id
        ends = own if isinstance(own, list) else [own]
        self.greedy = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=max_new_tokens,
            do_sample=False,
            eos_token_id=sorted({tokenizer.eos_token_id, *ends} - {None}),
            pad_token_id=tokenizer.pad_token_id,
        )
        leave_out_frozen(self)

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> Self:
        """Load the model, with new adapters. Raises UsageError for samples that have no such features or no text."""
        made = cls(**options)
        for name in made.features:
            if name not in samples.features:
                known = ", ".join(sorted(samples.features))
                raise UsageError(f"{cls.__name__} reads '{name}', and these samples have {known}.", "See its options.")
        if samples.target is not None and samples.target.dtype.kind != "U":
            raise UsageError(f"{cls.__name__} answers in words, and this target is numbers.", "Use another model.")
        return made

    def encode(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Make the model's inputs of features (B, ...): prompts (B, L) padded at their left, and what else it reads."""
        texts = [
            self.pretrained.prompt(f"{self.prompt}{text}") for text in texts_of(values[self.features[-1]].cpu().numpy())
        ]
        inputs: dict[str, Tensor] = {**self.tokenized(texts, values)}
        return {name: each.to(self.device) for name, each in inputs.items()}

    def tokenized(self, prompts: Sequence[str], values: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Make tokens of prompts, and what else the model reads of the features; a template wrote the special ones."""
        tokenizer = self.pretrained.tokenizer
        own = tokenizer.chat_template is None
        made: Mapping[str, Tensor] = tokenizer(list(prompts), add_special_tokens=own, padding=True, return_tensors="pt")
        return made

    def with_answers(self, inputs: Mapping[str, Tensor], answers: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
        """Put answers and their end after prompts (B, L), padded at their right to the longest, A tokens.

        returns  inputs (B, L + A), and labels (B, A) int64: the answer's tokens, IGNORED after its end
        """
        tokenizer = self.pretrained.tokenizer
        tokens = tokenizer(list(answers), add_special_tokens=False)["input_ids"]
        longest = max(map(len, tokens)) + 1
        labels = torch.full((len(tokens), longest), IGNORED)
        for row, each in zip(labels, tokens, strict=True):
            row[: len(each) + 1] = torch.tensor([*each, tokenizer.eos_token_id])
        labels = labels.to(self.device)
        counted = labels != IGNORED
        added = {
            "input_ids": torch.where(counted, labels, tokenizer.pad_token_id),
            "attention_mask": counted.to(inputs["attention_mask"].dtype),
        }
        shape = inputs["input_ids"].shape
        whole = dict(inputs)
        for name, values in inputs.items():
            if values.shape == shape:  # kinds of tokens, which some models read, are zero for text
                more = added.get(name, torch.zeros_like(labels))
                whole[name] = torch.cat([values, more.to(values.dtype)], dim=1)
        return whole, labels

    def training_loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy of the answers' tokens and ends, each given the prompt and what comes before it."""
        inputs, labels = self.with_answers(self.encode(batch.features), texts_of(batch.target.cpu().numpy()))  # type: ignore[arg-type]
        # The head makes one logit a word of its vocabulary: of the prompt's tokens none is needed.
        kept = labels.shape[1] + 1
        logits = self.model(**inputs, logits_to_keep=kept, use_cache=False).logits[:, :-1]
        return nn.functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED)

    @torch.no_grad()
    def forward(self, *values: Tensor) -> Tensor:
        """Answer greedily: features (B, ...) to the answers' code points (B, 128) int32, zeros after their end."""
        answers: list[str] = []
        for start in range(0, values[0].shape[0], self.at_once):
            part = {name: each[start : start + self.at_once] for name, each in zip(self.features, values, strict=True)}
            inputs = self.encode(part)
            tokens = self.model.generate(**inputs, generation_config=self.greedy)[:, inputs["input_ids"].shape[1] :]
            answers += self.pretrained.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return text_codes(np.array([answer.strip() for answer in answers])).to(self.device)

    def save_adapter(self, folder: Path) -> None:
        """Write the adapters for ``PeftModel.from_pretrained``. Raises UsageError where there are none."""
        if not isinstance(self.model, PeftModel):
            raise UsageError("This model was trained without adapters.", "Train one with lora: {r: 8}.")
        save_lora(self.model, folder)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.parameters()).device
