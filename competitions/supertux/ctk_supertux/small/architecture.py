"""The small model's architecture: that of SmolVLM-256M (transformers' Idefics3), 60 times smaller, with random weights.

A SigLIP vision transformer, a pixel shuffle that joins four patches to a token, a Llama that reads those and text.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    PreTrainedTokenizerFast,
)

from ctk_supertux.small.tokenizer import BEGIN, END, IMAGE, train_tokenizer

SIZE, PATCH, SHUFFLE = 192, 16, 2
"""A picture becomes a square of SIZE pixels, 12 x 12 patches, 6 x 6 tokens."""
TEMPLATE = (
    BEGIN + "{% for message in messages %}{{message['role'] | capitalize}}"
    "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '" + IMAGE + "' }}{% endif %}{% endfor %}" + END + "\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""A chat as SmolVLM writes it."""


def new_processor(tokenizer: PreTrainedTokenizerFast) -> Idefics3Processor:
    """Join a tokenizer with the image processor: squares of SIZE pixels, values from -1 to 1."""
    images = Idefics3ImageProcessor(
        size={"longest_edge": SIZE}, max_image_size={"longest_edge": SIZE}, do_image_splitting=False
    )
    tokens = (SIZE // PATCH // SHUFFLE) ** 2
    return Idefics3Processor(images, tokenizer, image_seq_len=tokens, chat_template=TEMPLATE)


def new_model(tokenizer: PreTrainedTokenizerFast, seed: int = 0) -> Idefics3ForConditionalGeneration:
    """Make the model for a tokenizer, float32, its weights drawn from a seed: about four million."""
    vocabulary = len(tokenizer)
    config = Idefics3Config(  # type: ignore[call-arg]
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),  # type: ignore[arg-type]
        tie_word_embeddings=True,
        scale_factor=SHUFFLE,
        pad_token_id=tokenizer.pad_token_id,
        vision_config={
            "hidden_size": 192,
            "intermediate_size": 576,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "image_size": SIZE,
            "patch_size": PATCH,
        },
        text_config={
            "model_type": "llama",
            "vocab_size": vocabulary,
            "hidden_size": 192,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 512,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "tie_word_embeddings": True,
        },
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Idefics3ForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.eval()  # type: ignore[no-untyped-call]
    return model


def write_new(folder: Path, texts: Iterable[str], seed: int = 0) -> None:
    """Write a model with random weights and a tokenizer of some texts, as ``save_pretrained`` does: a base to train."""
    processor = new_processor(train_tokenizer(texts))
    new_model(processor.tokenizer, seed).save_pretrained(folder)
    processor.save_pretrained(folder)
