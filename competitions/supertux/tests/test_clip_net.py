"""TuxClipNet: what it reads and gives, which pairs are positives, what it is saved as, and that a fit goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from competitions.supertux.tests.bundle_fixtures import write_base
from torch.testing import assert_close

from ctk.contract import Batch, FitContext
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk.training import as_model, text_codes
from ctk_supertux.evaluation import CHOICE_ACCURACY
from ctk_supertux.networks.contrast import contrast
from ctk_supertux.networks.looks import PictureLook
from ctk_supertux.networks.towers import CLIPTowers
from ctk_supertux.networks.tux_clip_net import TuxClipNet, towers_of
from ctk_transformers import PretrainedBase

OF_EGO = [f"{kart} is the ego car." for kart in ("tux", "gnu", "konqi", "nolok")]
OF_TRACK = [f"The track is {track}." for track in ("lighthouse", "zengarden", "hacienda", "scotland")]


@pytest.fixture(scope="session")
def base(once) -> str:
    """A folder of a base model with random weights; nobody writes to it."""
    captions = choices(8).features["candidates"].ravel().tolist()
    return str(once("tux-clip-base", lambda folder: write_base(folder, texts=captions, spread=0.02)))


def choices(count: int = 10) -> Samples:
    """Random pictures with five candidates; the right one is of a track or an ego kart."""
    random = np.random.default_rng(count)
    picture = random.integers(0, 60, (count, 100, 150, 3))
    question = np.arange(count) % 2
    which = random.integers(0, 4, count)
    rows, target = [], random.integers(0, 5, count)
    for number in range(count):
        own, other = (OF_TRACK, OF_EGO) if question[number] else (OF_EGO, OF_TRACK)
        right = own[which[number]]
        row = [*random.permutation([*(each for each in own if each != right), other[0]])]
        row.insert(target[number], right)
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


def test_homework_cuts_the_middle_square_as_the_grader_does_and_whole_keeps_the_sides():
    from PIL import Image
    from torchvision import transforms as tv

    random = np.random.default_rng(0)
    small = random.integers(0, 256, (10, 15, 3)).astype(np.uint8)
    picture = np.array(Image.fromarray(small).resize((150, 100)))
    given = torch.from_numpy(picture)[None]
    graded = tv.Compose([tv.Resize(192), tv.CenterCrop(192), tv.ToTensor(), tv.Normalize([0.5] * 3, [0.5] * 3)])
    seen = PictureLook("homework", 192, (0.5, 1.0))(given, training=False)
    assert (seen[0] - graded(Image.fromarray(picture))).abs().max() < 0.03
    marked = given.clone()
    marked[:, :, :20], marked[:, :, -20:] = 255, 0
    assert torch.equal(seen, PictureLook("homework", 192, None)(marked, training=True))
    left, right = PictureLook("whole", 96, None)(marked, training=True)[0, :, :, [0, -1]].unbind(-1)
    assert (left == 1).all()
    assert (right == -1).all()


def test_training_shows_parts_that_differ_by_row_and_come_again_with_the_seed():
    look, given = (
        PictureLook("whole", 32, (0.5, 0.6)),
        torch.from_numpy(choices(1).features["image"]).repeat(3, 1, 1, 1),
    )
    torch.manual_seed(1)
    shown = look(given, training=True)
    assert shown.shape == (3, 3, 32, 32)
    assert not torch.equal(shown[0], shown[1])
    torch.manual_seed(1)
    assert torch.equal(look(given, training=True), shown)


def test_equal_captions_are_positives_of_each_other_and_own_candidates_are_compared():
    generator = torch.Generator().manual_seed(0)
    pictures, captions = (torch.randn(rows, 8, generator=generator, dtype=torch.double) for rows in (4, 6))
    of = torch.tensor([[0, 1, 2, 3, 4], [1, 0, 2, 4, 5], [3, 2, 1, 0, 5], [5, 4, 3, 2, 1]])
    right = torch.tensor([0, 1, 0, 2])  # captions 0, 0, 3, 3
    given = (pictures.float(), captions.float(), of, right, torch.tensor(2.0))
    logits = 2 * pictures.numpy() @ captions.numpy().T
    own = [logits[row, of[row]] for row in range(4)]
    entropy = np.mean([np.log(np.exp(each).sum()) - each[right[row]] for row, each in enumerate(own)])
    assert contrast(*given, weight=0).item() == pytest.approx(entropy, rel=1e-5)
    ids = np.array([0, 0, 3, 3])
    pairs = logits[:, ids]
    both = []
    for side in (pairs, pairs.T):
        apart = np.log(np.exp(side).sum(1, keepdims=True)) - side
        both.append(np.mean([apart[row, ids == ids[row]].mean() for row in range(4)]))
    assert contrast(*given, weight=3).item() == pytest.approx(entropy + 3 * np.mean(both), rel=1e-5)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_chunks_change_neither_loss_nor_gradients(base, weight):
    batch, results = batch_of(choices(7)), []
    for chunk in (None, 2):
        torch.manual_seed(0)
        made = network(base, chunk=chunk, contrast=weight).train()
        torch.manual_seed(1)
        loss = made.training_loss(batch)
        loss.backward()
        results.append([loss, *(each.grad for each in made.parameters() if each.grad is not None)])
    for one, other in zip(*results, strict=True):
        assert_close(one, other, atol=1e-6, rtol=1e-4)


def trained(made: TuxClipNet) -> TuxClipNet:
    """Give every trained number another value, as a fit would."""
    torch.manual_seed(2)
    with torch.no_grad():
        for each in made.parameters():
            if each.requires_grad:
                each.add_(0.05 * torch.randn_like(each))
    return made.eval()


def test_what_is_saved_is_loaded_by_peft_and_torch_alone_and_gives_the_same_features(base, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    made = trained(network(base))
    made.save_adapter(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "additional_weights.pt",
    }  # fmt: skip
    inner = AutoModelForImageTextToText.from_pretrained(base).model
    towers = CLIPTowers(inner.vision_model, inner.text_model)
    loaded = PeftModel.from_pretrained(towers, str(tmp_path)).eval()
    additional = torch.load(tmp_path / "additional_weights.pt", weights_only=True)
    own = {name for name, _ in towers.named_parameters() if not name.startswith(("vision_encoder.", "text_encoder."))}
    assert additional.keys() == own
    with torch.no_grad():
        for name, value in additional.items():
            towers.get_parameter(name).copy_(value)
        pixels = made.look(torch.from_numpy(choices(3).features["image"]), training=False)
        tokens = made.tokens(["tux is the ego car.", "The track is zengarden."])
        for one, other in zip(loaded.base_model.model(pixels, *tokens), made.towers(pixels, *tokens), strict=True):
            assert_close(one, other)
        left = made.tokenizer(["tux is the ego car.<end_of_utterance>", "gnu"], padding=True, return_tensors="pt")
        assert_close(towers.encode_text(**left)[0], made.towers.encode_text(*tokens)[0], atol=1e-4, rtol=1e-3)
        assert towers.bfloat16()(pixels.bfloat16(), *tokens)[0].dtype == torch.float32


def test_towers_that_were_trained_whole_make_no_adapter_and_their_state_is_whole(base, tmp_path):
    with pytest.raises(UsageError, match="no adapter of its base"):
        network(base, lora=None).save_adapter(tmp_path)
    frozen, whole = (len(network(base, **options).state_dict()) for options in ({}, {"lora": None}))
    assert frozen < whole


def test_a_model_without_two_towers_and_samples_without_candidates_are_refused(base):
    with pytest.raises(UsageError, match="no feature 'candidates'"):
        TuxClipNet.for_samples(replace(choices(), features={"image": choices().features["image"]}), model=base)
    with pytest.raises(UsageError, match="has no vision_model and text_model"):
        towers_of(PretrainedBase("text alone", torch.nn.Linear(2, 2), None))


def fitted(base: str, folder: Path, epochs: int, stop: int | None = None) -> Any:
    """Fit on batches of one question each, two a step; ``stop`` ends it after so many epochs, as a kill would."""
    model = as_model(TuxClipNet)(model=base, size=24)
    model.training = model.schema.model_validate({
        "loss": "own", "epochs": epochs, "batch": {"size": 4, "within": "question", "accumulate": 2},
        "optimizer": {"name": "adamw", "lr": 0.003}, "validate_every": 1,
    })  # fmt: skip

    def progress(done: int, total: int, scores: Any) -> None:
        if stop is not None and done >= stop:
            raise KeyboardInterrupt

    context = FitContext(folder, 1, CHOICE_ACCURACY, "cpu", progress=progress)
    model.fit(choices(24), choices(6), context)
    return model


def test_a_fit_that_was_killed_goes_on_to_the_same_weights(base, tmp_path):
    straight = fitted(base, tmp_path / "straight", 3)
    with pytest.raises(KeyboardInterrupt):
        fitted(base, tmp_path / "killed", 3, stop=2)
    again = fitted(base, tmp_path / "killed", 3)
    one, other = straight.network.state_dict(), again.network.state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not any("base_layer" in name for name in one)
    assert straight.predict(choices(6)).shape == (6, 5)
