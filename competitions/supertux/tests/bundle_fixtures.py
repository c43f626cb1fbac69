"""A tiny base with random weights, networks of it as members, and a homework folder of a few drawn frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image

from ctk.contract import Choice, FittedMember, Member
from ctk.samples import Samples
from ctk_supertux.networks.tux_clip_net import TuxClipNet
from ctk_supertux.small import new_processor, train_tokenizer
from ctk_supertux.small.architecture import new_model
from ctk_transformers.vision_language import VisionLanguageNetwork

QUESTIONS = ("What kart is the ego car?", "What track is this?", "How many karts are there in the scenario?")
CAPTIONS = (
    "tux is the ego car.",
    "gnu is the ego car.",
    "The track is zengarden.",
    "The track is scotland.",
    "x is y.",
)
FRAMES = 4


def write_base(
    folder: Path, wider: int = 1, texts: Sequence[str] = (*QUESTIONS, *CAPTIONS), spread: float = 0.5
) -> None:
    """A base of SmolVLM's architecture with some ten thousand parameters; ``spread`` is of the text model's weights."""
    from transformers import Idefics3ForConditionalGeneration

    processor = new_processor(train_tokenizer(texts))
    config = new_model(processor.tokenizer).config
    tower = {"hidden_size": 32 * wider, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    config.vision_config.update(tower)
    config.text_config.update({**tower, "num_key_value_heads": 1, "head_dim": 16 * wider, "initializer_range": spread})
    torch.manual_seed(wider)
    Idefics3ForConditionalGeneration(config).save_pretrained(folder)
    processor.save_pretrained(folder)


def samples() -> Samples:
    """A question and five captions for each drawn frame."""
    pictures = np.stack([np.asarray(draw(number)) for number in range(FRAMES)])
    return Samples(
        ids=np.arange(FRAMES),
        features={
            "image": pictures,
            "question": np.array([QUESTIONS[number % 3] for number in range(FRAMES)]),
            "candidates": np.array([CAPTIONS] * FRAMES),
        },
    )


def draw(number: int) -> Image.Image:
    """Noise, another of each number."""
    random = np.random.default_rng(number)
    small = Image.fromarray(random.integers(0, 256, (10, 15, 3), dtype=np.uint8))
    return small.resize((150, 100))


def vlm_network(base: Path, **options: Any) -> VisionLanguageNetwork:
    """The network of a member whose adapters are not nought."""
    return _learned(VisionLanguageNetwork.for_samples(samples(), model=str(base), **options))


def clip_network(base: Path, **options: Any) -> TuxClipNet:
    """As ``vlm_network``."""
    return _learned(TuxClipNet.for_samples(samples(), model=str(base), **options))


def _learned(network: Any) -> Any:
    torch.manual_seed(7)
    with torch.no_grad():
        for name, each in network.named_parameters():
            if "lora_" in name or name.endswith("_projection.weight"):
                each.copy_(0.3 * torch.randn_like(each))
    return network.eval()


def member(network: Any, key: str = "smolvlm/seed-1", weight: float = 1.0, **options: Any) -> FittedMember:
    """A fitted member that a bundle is written of."""
    config = Member(name=key.partition("/")[0], model=Choice(name="smolvlm", **options))
    return FittedMember(key, 0, weight, config, partial(SimpleNamespace, network=network))


def write_homework(folder: Path, answers: list[str], right: list[int]) -> None:
    """A homework data folder with graded questions and choices over drawn frames."""
    for name in ("valid", "valid_grader", "train"):
        (folder / name).mkdir(parents=True)
    rows = samples()
    pairs, choices = [], []
    for number in range(FRAMES):
        file = f"valid/{number:05x}_00_im.png"
        draw(number).save(folder / file)
        question = str(rows.features["question"][number])
        pairs.append({"question": question, "answer": answers[number], "image_file": file})
        choices.append({"image_file": file, "candidates": list(CAPTIONS), "correct_index": right[number]})
    (folder / "valid_grader" / "balanced_qa_pairs.json").write_text(json.dumps(pairs))
    (folder / "valid_grader" / "all_mc_qas.json").write_text(json.dumps(choices))
