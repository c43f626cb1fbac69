"""Models that answer in words: what the loss counts, what is generated in batches, what is saved."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from peft import PeftModel
from plugins.transformers.tests.tiny_models import write_causal, write_vision_language
from torch.nn.functional import cross_entropy

from ctk.config.training_keys import Training
from ctk.contract import Batch, FitContext, Metric
from ctk.errors import CtkError, UsageError
from ctk.samples import Samples
from ctk.training import as_model, text_codes, texts_of
from ctk_transformers.base_model import load_base
from ctk_transformers.causal import CausalLanguageNetwork
from ctk_transformers.generative import AnswerNetwork
from ctk_transformers.lora import load_lora
from ctk_transformers.vision_language import VisionLanguageNetwork

pytestmark = pytest.mark.usefixtures("one_thread")

QUESTIONS = np.array(["What track is this?", "How many karts are there?", "Is tux left?", "Where is sara_the_wizard?"])
ANSWERS = np.array(["zengarden", "3", "left", "front and left"])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("small")
    write_vision_language(folder, [*QUESTIONS, *ANSWERS])
    return str(folder)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("gpt2")
    write_causal(folder, [*QUESTIONS, *ANSWERS])
    return str(folder)


@pytest.fixture
def questions() -> Samples:
    images = np.random.default_rng(0).integers(0, 256, (4, 100, 150, 3), dtype=np.uint8)
    return Samples(ids=np.arange(4), features={"image": images, "question": QUESTIONS}, target=ANSWERS)


def features(samples: Samples, rows: slice = slice(None)) -> dict[str, torch.Tensor]:
    image = torch.from_numpy(samples.features["image"][rows])
    return {"image": image, "question": text_codes(samples.features["question"][rows])}


def batch(samples: Samples, rows: slice = slice(None)) -> Batch:
    return Batch(features(samples, rows), text_codes(samples.target[rows]), None)


def make(kind: type[AnswerNetwork], model: str, samples: Samples, **options) -> AnswerNetwork:
    torch.manual_seed(0)
    if kind is VisionLanguageNetwork:
        options = {"size": 64, **options}  # four tokens a picture
    network = kind.for_samples(samples, model=model, **options).eval()
    with torch.no_grad():
        for name, each in network.named_parameters():
            if "lora_B" in name:
                each.normal_(std=0.02)  # new adapters change nothing
    return network


KINDS = [(VisionLanguageNetwork, "small"), (CausalLanguageNetwork, "gpt2")]


@pytest.mark.parametrize(("kind", "base"), KINDS)
def test_the_loss_counts_the_answers_tokens_and_their_end_alone(kind, base, questions, request):
    """One row at a time, without padding and with plain transformers: the mean of what each counted token costs."""
    network = make(kind, request.getfixturevalue(base), questions)
    tokenizer = network.pretrained.tokenizer
    costs = []
    for row in range(4):
        prompt = network.encode(features(questions, slice(row, row + 1)))
        answer = [*tokenizer(ANSWERS[row], add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        ids = torch.cat([prompt["input_ids"], torch.tensor([answer])], dim=1)
        given = {**prompt, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
        logits = network.model(**given).logits[0, -len(answer) - 1 : -1]
        costs.append(cross_entropy(logits, torch.tensor(answer), reduction="none"))
    loss = network.training_loss(batch(questions))
    assert loss.item() == pytest.approx(torch.cat(costs).mean().item(), rel=1e-4)


def test_the_mask_is_one_of_the_answer_and_its_end(small, questions):
    network = make(VisionLanguageNetwork, small, questions)
    inputs, labels = network.with_answers(network.encode(features(questions)), list(ANSWERS))
    tokenizer = network.pretrained.tokenizer
    for row, answer in enumerate(ANSWERS):
        counted = labels[row][labels[row] != -100]
        assert tokenizer.decode(counted) == f"{answer}<end_of_utterance>"
        whole = tokenizer.decode(inputs["input_ids"][row][inputs["attention_mask"][row] == 1])
        assert whole.endswith(f"{QUESTIONS[row]}<end_of_utterance>\nAssistant:{answer}<end_of_utterance>")


@pytest.mark.parametrize(("kind", "base"), KINDS)
def test_answers_in_batches_with_left_padding_are_those_of_one_by_one(kind, base, questions, request):
    network = make(kind, request.getfixturevalue(base), questions, max_new_tokens=8, at_once=4)
    ids = network.encode(features(questions))
    assert (ids["attention_mask"][:, 0] == 0).any()
    assert (ids["attention_mask"][:, -1] == 1).all()
    together = network(*(features(questions)[name] for name in network.features))
    alone = [
        network(*(features(questions, slice(row, row + 1))[name] for name in network.features)) for row in range(4)
    ]
    assert together.dtype == torch.int32
    assert_array_equal(together, torch.cat(alone))
    assert len(set(texts_of(together.numpy()))) > 1


def test_the_state_is_the_adapters_alone_and_goes_back(small, questions):
    network = make(VisionLanguageNetwork, small, questions)
    other = VisionLanguageNetwork.for_samples(questions, model=small, size=64).eval()
    state = copy.deepcopy(network.state_dict())
    assert state
    assert all("lora_" in name for name in state)
    around = torch.nn.ModuleDict({"network": other})  # as a checkpoint has it
    around.load_state_dict({f"network.{name}": each for name, each in state.items()})
    assert network.training_loss(batch(questions)).item() == other.training_loss(batch(questions)).item()
    with pytest.raises(RuntimeError, match="lora_A"):
        other.load_state_dict(dict(list(state.items())[1:]))


def test_every_weight_is_trained_and_saved_without_lora(small, questions, tmp_path):
    network = VisionLanguageNetwork.for_samples(questions, model=small, lora=None, size=64)
    network.training_loss(batch(questions)).backward()
    assert all(each.grad is not None for each in network.parameters())
    assert "model.model.vision_model.embeddings.patch_embedding.weight" in network.state_dict()
    with pytest.raises(UsageError, match="without adapters"):
        network.save_adapter(tmp_path)


def test_plain_peft_loads_the_adapter_and_gives_the_same_logits(small, questions, tmp_path):
    network = make(VisionLanguageNetwork, small, questions)
    network.save_adapter(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    plain = PeftModel.from_pretrained(load_base(network.base).model, tmp_path).eval()
    inputs = network.encode(features(questions))
    with torch.inference_mode():
        assert_array_equal(plain(**inputs).logits, network.model(**inputs).logits)


def test_checkpointing_gives_the_same_gradients(small, questions):
    found = []
    for checkpointing in (False, True):
        network = make(VisionLanguageNetwork, small, questions, checkpointing=checkpointing).train()
        network.training_loss(batch(questions)).backward()
        found.append(torch.cat([each.grad.flatten() for each in network.parameters() if each.requires_grad]))
    torch.testing.assert_close(*found)
    assert found[0].abs().max() > 0


def test_a_picture_can_be_brought_to_another_size(small, questions):
    network = make(VisionLanguageNetwork, small, questions, size=96)
    inputs = network.encode(features(questions))
    assert inputs["pixel_values"].shape[-2:] == (96, 96)
    image = network.pretrained.processor.image_token_id
    assert ((inputs["input_ids"] == image).sum(dim=1) == 9).all()
    assert torch.isfinite(network.training_loss(batch(questions)))
    with pytest.raises(UsageError, match="100 is no multiple of 32"):
        make(VisionLanguageNetwork, small, questions, size=100)


def test_an_adapter_of_another_base_is_refused(small, gpt2, questions, tmp_path):
    make(CausalLanguageNetwork, gpt2, questions).save_adapter(tmp_path)
    with pytest.raises(CtkError, match="is no adapter of"):
        load_lora(load_base(small).model, tmp_path)
    with pytest.raises(CtkError, match=r"has no adapter_config\.json"):
        load_lora(load_base(small).model, Path(tmp_path / "none"))


def test_layers_that_are_not_there_are_refused(small, questions):
    with pytest.raises(UsageError, match=r"'lora\.target'"):
        VisionLanguageNetwork.for_samples(questions, model=small, lora={"target": ["nothing"]})


def test_samples_without_pictures_or_text_are_refused(small, questions):
    with pytest.raises(UsageError, match="reads 'picture'"):
        VisionLanguageNetwork.for_samples(questions, model=small, image="picture")
    with pytest.raises(UsageError, match="'question' is <U25"):
        VisionLanguageNetwork.for_samples(questions, model=small, image="question")
    numbers = Samples(ids=questions.ids, features=questions.features, target=np.zeros((4, 1), np.float32))
    with pytest.raises(UsageError, match="this target is numbers"):
        VisionLanguageNetwork.for_samples(numbers, model=small)


def test_a_package_or_folder_that_is_not_there_is_refused(questions):
    with pytest.raises(UsageError, match="no installed package 'nowhere'"):
        load_base("nowhere:base")
    with pytest.raises(UsageError, match=r"json:gone: there is no such folder"):
        load_base("json:gone")


RIGHT = Metric("right", "max", lambda given, samples: float(np.mean(given == samples.target_values())))
LOOP = {
    "epochs": 4, "batch": {"size": 2, "accumulate": 2}, "loss": "own", "optimizer": {"name": "adamw", "lr": 0.01},
    "checkpoint_every": 2,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "base"), KINDS)
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_killed_fit_goes_on_to_the_same_weights(kind, base, precision, questions, tmp_path, request):
    """Dropout in the adapters, a part of a batch's rows a step, checkpoints of what is trained alone."""
    options = {"model": request.getfixturevalue(base), "lora": {"r": 4, "dropout": 0.2}, "max_new_tokens": 4}
    options |= {"size": 64} if kind is VisionLanguageNetwork else {}

    def fit(folder: Path, progress=lambda done, total, scores: None):
        model = as_model(kind)(**options)
        model.training = Training(**LOOP, precision=precision)
        model.fit(questions, questions, FitContext(folder, 5, RIGHT, "cpu", progress=progress))
        return model

    def kill(done, total, scores):
        if done == 3:
            raise InterruptedError

    never = fit(tmp_path / "whole")
    with pytest.raises(InterruptedError):
        fit(tmp_path / "parts", kill)
    assert (tmp_path / "parts" / "stage-1" / "last.ckpt").stat().st_size < 4e6
    resumed = fit(tmp_path / "parts")
    state = never.network.state_dict()
    assert all(torch.equal(each, state[name]) for name, each in resumed.network.state_dict().items())
    assert resumed.curve == never.curve
    never.save(tmp_path)
    loaded = as_model(kind)(**options)
    loaded.training = never.training
    loaded.load(tmp_path, questions, "cpu")
    assert_array_equal(loaded.predict(questions), never.predict(questions))


@pytest.mark.slow
def test_a_few_answers_are_learned(small, questions, tmp_path):
    """By heart, from random weights, all of which are trained."""
    model = as_model(VisionLanguageNetwork)(model=small, size=64, lora=None)
    model.training = Training(**LOOP | {"epochs": 30, "optimizer": {"name": "adamw", "lr": 1e-3}, "validate_every": 30})
    model.fit(questions, questions, FitContext(tmp_path, 5, RIGHT, "cpu"))
    assert list(model.predict(questions)) == list(ANSWERS)
