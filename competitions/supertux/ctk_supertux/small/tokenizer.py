"""The small model's tokenizer: byte-level BPE of the questions, answers and captions, with SmolVLM's special tokens."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

BEGIN, END, PAD = "<|im_start|>", "<end_of_utterance>", "<|im_end|>"
IMAGE, AROUND, GLOBAL = "<image>", "<fake_token_around_image>", "<global-img>"
VOCABULARY = 640
"""Tokens at most: 256 bytes, special ones, and pieces of words; every text can be written in them."""


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Learn the pieces that texts are made of (Sennrich et al. 2016, arXiv:1508.07909), most frequent first.

    The same texts in the same order give the same tokenizer. A piece is at most a word with the space before it. They
    are learned as a chat has them, so that its own words are pieces too.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        (f"User:{text}\nAssistant:" for text in texts),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[PAD, BEGIN, END, IMAGE, AROUND, GLOBAL],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[IMAGE, AROUND, GLOBAL],
        padding_side="left",
        model_max_length=512,
    )
