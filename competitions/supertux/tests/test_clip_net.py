"""TuxClipNet: what it reads and gives, which pairs are positives, what it is saved as, and that a fit goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ctk.contract import Batch
from ctk.samples import Samples
from ctk.training import text_codes
from ctk_supertux.networks.contrast import contrast
from ctk_supertux.networks.looks import PictureLook
from ctk_supertux.networks.tux_clip_net import TuxClipNet

KARTS, TRACKS = ("tux", "gnu", "konqi", "nolok"), ("lighthouse", "zengarden", "hacienda", "scotland")
TINY = {"vision": {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}}
TINY["text"] = {**TINY["vision"], "num_key_value_heads": 1}


@pytest.fixture(scope="session")
def base(once) -> str:
    """A folder of a base model with random weights; nobody writes to it."""

    def make(folder: Path) -> None:
        from transformers import Idefics3ForConditionalGeneration

        from ctk_supertux.small import new_processor, train_tokenizer
        from ctk_supertux.small.architecture import new_model

        texts = [caption for row in choices(8).features["candidates"] for caption in row]
        processor = new_processor(train_tokenizer(texts))
        config = new_model(processor.tokenizer).config
        config.vision_config.update(TINY["vision"])
        config.text_config.update({**TINY["text"], "head_dim": 16})
        torch.manual_seed(0)
        Idefics3ForConditionalGeneration(config).save_pretrained(folder)
        processor.save_pretrained(folder)

    return str(once("tux-clip-base", make))


def choices(count: int = 10) -> Samples:
    """Random pictures with five candidates; the right one is of a track or an ego kart, whose colour the picture has."""
    random = np.random.default_rng(count)
    picture = random.integers(0, 60, (count, 100, 150, 3))
    question = np.arange(count) % 2
    which = random.integers(0, 4, count)
    rows, target = [], random.integers(0, 5, count)
    for number in range(count):
        own, others = (TRACKS, KARTS) if question[number] else (KARTS, TRACKS)
        write = ["The track is {}.", "{} is the ego car."] if question[number] else ["{} is the ego car.", "The track is {}."]
        false = [write[0].format(each) for each in own if each != own[which[number]]] + [write[1].format(others[0])]
        row = list(random.permutation(false))
        row.insert(target[number], write[0].format(own[which[number]]))
        rows.append(row)
        picture[number, ..., which[number] % 3] += 60 * (1 + which[number])
    return Samples(
        ids=np.arange(count),
        features={"image": picture.clip(0, 255).astype(np.uint8), "candidates": np.array(rows)},
        target=target,
        groups={"frame": np.arange(count), "question": question},
    )


def network(base: str, **options: Any) -> TuxClipNet:
    return TuxClipNet.for_samples(choices(), **{"model": base, "size": 24, **options})


def batch_of(samples: Samples) -> Batch:
    features = {
        "image": torch.from_numpy(samples.features["image"]),
        "candidates": text_codes(samples.features["candidates"]),
    }
    return Batch(features, torch.from_numpy(samples.target), None)


def test_it_gives_scores_of_a_rows_candidates_and_learns_adapters_projections_and_temperature_alone(base):
    made, batch = network(base), batch_of(choices(6))
    made.eval()
    scores = made(*batch.features.values())
    assert scores.shape == (6, 5)
    assert_close(scores.sum(1), torch.ones(6))
    made.train().training_loss(batch).backward()
    learned = {name for name, each in made.named_parameters() if each.grad is not None and each.grad.abs().sum() > 0}
    assert {"towers.logit_scale", "towers.vision_projection.weight", "towers.text_projection.weight"} <= learned
    assert all("lora_" in name or "projection" in name or "scale" in name for name in learned)
    towers = {name.split(".")[1] for name in learned if "lora_B" in name}
    assert towers == {"vision_encoder", "text_encoder"}
