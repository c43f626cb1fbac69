"""The small model: its size and files, labels that follow the picture, packed questions, a training that goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from competitions.supertux.tests.small_homework import write_frame
from PIL import Image

from ctk.contract import Batch
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk.training import text_codes
from ctk_supertux.labels import ask
from ctk_supertux.small.architecture import PATCH, SIZE
from ctk_supertux.small.frames import Frames, box_places, draw_windows
from ctk_supertux.small.train import SmallTraining, TrainingPlan
from ctk_transformers import VisionLanguageNetwork, load_base

pytestmark = pytest.mark.usefixtures("one_thread")

PLAN = TrainingPlan(seeing=2, steps=4, batch=2, save_every=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames of two views; a kart is a white box on black."""
    folder = tmp_path_factory.mktemp("train")
    boxes = [
        [[[1, 0, 280, 180, 340, 240], [1, 1, 40, 60, 120, 140], [3, 7, 0, 0, 9, 9]], [[1, 2, 200, 160, 400, 300]]],
        [[[1, 1, 260, 160, 360, 260], [1, 2, 480, 280, 560, 380]], [[1, 0, 300, 180, 344, 232]]],
    ]
    for frame, views in enumerate(boxes):
        write_frame(folder, frame, views, f"track_{frame}")
        for view, found in enumerate(views):
            picture = np.zeros((100, 150, 3), np.uint8)
            for kind, _, *corners in found:
                if kind == 1:
                    x1, y1, x2, y2 = (each // 4 for each in corners)
                    picture[y1:y2, x1:x2] = 255
            Image.fromarray(picture).save(folder / f"{frame:05x}_{view:02d}_im.jpg", quality=95)
    return folder


@pytest.fixture(scope="module")
def frames(folder: Path) -> Frames:
    return Frames.read(folder)


def answers(views) -> dict[tuple[int, str], str]:
    asked = ask(views)
    rows = zip(asked.view.tolist(), asked.text.tolist(), asked.answer.tolist(), strict=True)
    return {(view, asked.texts[text]): asked.answers[answer] for view, text, answer in rows}


def test_a_mirrored_view_has_its_sides_exchanged(frames):
    plain = answers(frames.label())
    mirrored = answers(frames.label(np.tile([0.0, 0, 600, 400, 1], (4, 1))))
    assert plain[0, "Where is gnu relative to the ego car?"] == "front and left"
    assert mirrored[0, "Where is gnu relative to the ego car?"] == "front and right"
    assert mirrored[2, "Is kiki to the left or right of the ego car?"] == "left"
    assert mirrored[2, "What kart is the ego car?"] == plain[2, "What kart is the ego car?"] == "gnu"
    assert answers(frames.label(np.tile([0.0, 0, 600, 400, 0], (4, 1)))) == plain


def test_boxes_move_as_the_picture_does(frames):
    """White boxes are found where the labels say, through ten windows, some mirrored, within a pixel."""
    for seed in range(10):
        windows = draw_windows(4, np.random.default_rng(seed))
        views = frames.label(windows)
        _, boxes = box_places(views, SIZE // PATCH)
        for row in range(4):
            shown = frames.show(np.array([row]), windows, 150, None)[0, 0] > 0
            told = torch.zeros_like(shown)
            for x1, y1, x2, y2 in (boxes[views.view == row] * 150).round().astype(int):
                told[y1:y2, x1:x2] = True
            inner = torch.nn.functional.avg_pool2d(told[None, None].float(), 5, 1, 2)[0, 0]
            assert shown[inner == 1].all()  # two pixels inside a box
            assert not shown[inner == 0].any()  # two outside


def test_packed_questions_cost_what_they_cost_one_by_one(frames, tmp_path):
    """Through the processor, the shipped files and the network that a run fine-tunes."""
    training = SmallTraining(frames, None, tmp_path / "work", PLAN)
    training.learner.eval()
    training.write(tmp_path / "base")
    assert (tmp_path / "base" / "model.safetensors").stat().st_size < 9e6
    asked = answers(frames.label())
    pairs = [(text, answer) for (view, text), answer in asked.items() if view == 0]
    packer = training.packer
    tokens = [(packer.tokens([text])[0], packer.tokens([answer])[0]) for text, answer in pairs]
    network = VisionLanguageNetwork(model=str(tmp_path / "base"), lora=None).eval()
    training.learner.model.load_state_dict(network.model.state_dict())  # rounded to half precision
    pixels = network.pretrained.processor.image_processor(images=[[frames.pictures[0]]], return_tensors="pt")
    with torch.inference_mode():
        patches = training.learner.see(pixels["pixel_values"][:, 0])
        costs, _ = training.learner.answer_costs(patches, packer.pack([tokens]), len(pairs))
        image = torch.from_numpy(frames.pictures[:1])
        for (text, answer), cost in zip(pairs, costs.tolist(), strict=True):
            features = {"image": image, "question": text_codes(np.array([text]))}
            loss = network.training_loss(Batch(features, text_codes(np.array([answer])), None))
            assert cost == pytest.approx(loss.item(), rel=1e-4)


def test_what_is_shown_is_nearly_what_the_processor_makes(frames, tmp_path):
    training = SmallTraining(frames, None, tmp_path, PLAN)
    made = training.processor.image_processor(images=[[each] for each in frames.pictures], return_tensors="pt")
    shown = frames.show(np.arange(4), None, SIZE, None)
    assert (made["pixel_values"][:, 0] - shown).abs().mean() < 0.02


def test_an_interrupted_training_goes_on_to_the_same_weights(frames, tmp_path):
    whole = SmallTraining(frames, frames, tmp_path / "whole", PLAN)
    told: list[str] = []
    whole.run(told.append)
    assert any(line.strip().startswith("valid  ego") for line in told)
    SmallTraining(frames, None, tmp_path / "parts", PLAN).run(told.append, until=3)
    parts = SmallTraining(frames, None, tmp_path / "parts", PLAN)
    parts.run(told.append)
    assert "goes on from step 3" in told
    state = whole.learner.state_dict()
    assert all(torch.equal(each, state[name]) for name, each in parts.learner.state_dict().items())
    with pytest.raises(UsageError, match="of another plan"):
        SmallTraining(frames, None, tmp_path / "parts", replace(PLAN, lr=1.0)).run(told.append)
    longer = SmallTraining(frames, None, tmp_path / "parts", replace(PLAN, steps=PLAN.steps + 1))
    longer.run(told.append)
    assert f"goes on from step {PLAN.steps}" in told
    assert longer.step == PLAN.steps + 1


def test_the_shipped_architecture_is_smolvlms(frames, tmp_path):
    SmallTraining(frames, None, tmp_path, PLAN).write(tmp_path / "base")
    base = load_base(str(tmp_path / "base"))
    assert type(base.model).__name__ == "Idefics3ForConditionalGeneration"
    assert base.prompt("Why?") == "<|im_start|>User:<image>Why?<end_of_utterance>\nAssistant:"
    text = "Ein Fräulein, 12 gnus?\n"
    assert base.tokenizer.decode(base.tokenizer(text)["input_ids"]) == text
    samples = Samples(ids=np.arange(1), features={"image": frames.pictures[:1], "question": np.array(["Why?"])})
    assert VisionLanguageNetwork.for_samples(samples, model=base.name).base == base.name
