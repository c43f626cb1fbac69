"""Models with random weights to try on: a vision-language model of SmolVLM's architecture, and a GPT-2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    PreTrainedTokenizerFast,
)

PAD, BEGIN, END, IMAGE = "<|im_end|>", "<|im_start|>", "<end_of_utterance>", "<image>"
OTHERS = ["<fake_token_around_image>", "<global-img>"]
TEMPLATE = (
    BEGIN + "{% for message in messages %}{{ message['role'] | capitalize }}:{% for part in message['content'] %}"
    "{{ part['text'] if part['type'] == 'text' else '" + IMAGE + "' }}{% endfor %}" + END + "\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
SIZE, PATCH, JOINED = 64, 16, 2
"""A picture is a square of SIZE pixels, 4 x 4 patches, 2 x 2 tokens."""
WIDTH = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
SPREAD = 0.08
"""Of random weights, four times as usual, so that answers differ."""


def write_vision_language(folder: Path, texts: Sequence[str]) -> None:
    """Write the model with its processor and chat template; its tokens are pieces of these texts."""
    tokenizer = _tokenizer(texts)
    images = Idefics3ImageProcessor(
        size={"longest_edge": SIZE}, max_image_size={"longest_edge": SIZE}, do_image_splitting=False
    )
    processor = Idefics3Processor(
        images, tokenizer, image_seq_len=(SIZE // PATCH // JOINED) ** 2, chat_template=TEMPLATE
    )
    shared = {"pad_token_id": tokenizer.pad_token_id, "tie_word_embeddings": True}
    text = {"model_type": "llama", "vocab_size": len(tokenizer), "num_key_value_heads": 1}
    text |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = Idefics3Config(
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        scale_factor=JOINED,
        vision_config={**WIDTH, "image_size": SIZE, "patch_size": PATCH, "initializer_range": SPREAD},
        text_config={**WIDTH, **shared, **text, "initializer_range": SPREAD},
        **shared,
    )
    torch.manual_seed(1)
    model = Idefics3ForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def write_causal(folder: Path, texts: Sequence[str]) -> None:
    """Write a causal model with absolute positions, without a chat template."""
    tokenizer = _tokenizer(texts)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=96, n_embd=32, n_layer=2, n_head=2, initializer_range=0.5,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Byte-level pieces of words: every text can be written in them."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = [PAD, BEGIN, END, IMAGE, *OTHERS]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=BEGIN, eos_token=END, pad_token=PAD,
        additional_special_tokens=[IMAGE, *OTHERS], padding_side="left", model_max_length=512,
    )  # fmt: skip
