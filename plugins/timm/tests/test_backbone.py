"""Backbones: the features they give, the weights they begin with, and what is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

from ctk.errors import CtkError, UsageError
from ctk_timm import Backbone, BackboneChoice, StackedFrames, backbone

SIZE = (64, 128)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the weights of a small model for pictures of 3 channels, its classifier among them."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    torch.save({"state_dict": timm.create_model("test_resnet", num_classes=7).state_dict()}, path)
    return path


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet", "mobilenetv3_small_050"])
def test_a_backbone_gives_as_many_features_as_it_says(name):
    network = backbone(name, 9, size=SIZE).eval()
    pictures = torch.zeros(2, 9, *SIZE)
    assert network(pictures).shape == (2, network.num_features)
    assert network.last_map(pictures).ndim == 4


def test_a_name_alone_is_a_choice():
    assert BackboneChoice.model_validate("test_vit") == BackboneChoice(name="test_vit")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("resnet81", r"no model 'resnet81'.\nDid you mean 'resnet\d+'"),
        ("resnet18.a1_in2k", r"no weights 'a1_in2k' of resnet18.\nDid you mean 'a1_in1k'"),
    ],
)
def test_an_unknown_model_is_refused_with_the_nearest(name, match):
    with pytest.raises(UsageError, match=match):
        backbone(name, 3, size=SIZE)


def test_a_file_gives_the_weights_and_its_first_convolution_is_repeated(saved):
    three = backbone("test_resnet", 3, size=SIZE, checkpoint=str(saved)).eval()
    nine = backbone("test_resnet", 9, size=SIZE, checkpoint=str(saved)).eval()
    pictures = torch.rand(2, 3, *SIZE)
    assert_close(nine(pictures.repeat(1, 3, 1, 1)), three(pictures), rtol=1e-4, atol=1e-5)
    weights = torch.load(saved, weights_only=True)["state_dict"]
    own = three.model.state_dict()
    assert_close(own, {name: weights[name] for name in own})


def test_safetensors_are_read_as_well(saved, tmp_path):
    save_file(torch.load(saved, weights_only=True)["state_dict"], tmp_path / "tiny.safetensors")
    made = backbone("test_resnet", 3, size=SIZE, checkpoint=str(tmp_path / "tiny.safetensors"))
    assert_close(
        made.model.state_dict(), backbone("test_resnet", 3, size=SIZE, checkpoint=str(saved)).model.state_dict()
    )


def test_positions_of_another_size_are_adapted(tmp_path):
    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "square.pt")
    made = backbone("test_vit", 3, size=SIZE, checkpoint=str(tmp_path / "square.pt"))
    assert made(torch.zeros(1, 3, *SIZE)).shape == (1, made.num_features)


@pytest.mark.parametrize(
    ("other", "match"),
    [
        (
            "test_efficientnet",
            r"tiny\.pt: these weights are not of timm's model 'test_efficientnet': it lacks 'conv_stem.weight'",
        ),
        ("resnet18", r"not of timm's model 'resnet18': it lacks 'conv1.weight'"),
    ],
)
def test_weights_of_another_model_are_refused_with_the_first_that_does_not_fit(saved, other, match):
    with pytest.raises(CtkError, match=match):
        backbone(other, 3, size=SIZE, checkpoint=str(saved))


def test_weights_of_another_width_are_refused_with_the_first_that_does_not_fit(saved, tmp_path):
    state = torch.load(saved, weights_only=True)["state_dict"]
    name = next(key for key in state if key.startswith("layer2") and state[key].ndim == 4)
    state[name] = state[name].repeat(2, 1, 1, 1)
    torch.save(state, tmp_path / "wide.pt")
    with pytest.raises(CtkError, match=rf"wide\.pt: .*'{name}' is \(.*\), not \("):
        backbone("test_resnet", 3, size=SIZE, checkpoint=str(tmp_path / "wide.pt"))


def test_a_cut_file_is_refused_with_its_name(saved, tmp_path):
    (tmp_path / "cut.pt").write_bytes(saved.read_bytes()[:5000])
    with pytest.raises(CtkError, match=r"cut\.pt: cannot be read as a checkpoint"):
        backbone("test_resnet", 3, size=SIZE, checkpoint=str(tmp_path / "cut.pt"))


def test_a_file_that_would_run_code_does_not(tmp_path):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"state_dict": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(CtkError, match=r"evil\.pt: cannot be read"):
        backbone("test_resnet", 3, size=SIZE, checkpoint=str(tmp_path / "evil.pt"))
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match=r"gone\.pt: there is no such checkpoint file"):
        backbone("test_resnet", 3, size=SIZE, checkpoint="gone.pt")


def test_a_hub_out_of_reach_is_told_at_once_with_the_way_round(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CtkError, match=r"'resnet18' cannot be fetched(.|\n)*checkpoint: FILE(.|\n)*pretrained: false"):
        backbone("resnet18", 3, size=SIZE, pretrained=True)


def test_weights_in_the_hubs_cache_need_no_hub(saved, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    state = timm.create_model("test_resnet.r160_in1k").state_dict()
    save_file(state, path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("ctk_timm.hub.try_to_load_from_cache", lambda repository, name: str(path))
    made = backbone("test_resnet.r160_in1k", 3, size=SIZE, pretrained=True)
    assert_close(made.model.state_dict()["conv1.0.weight"], state["conv1.0.weight"])


def test_a_model_without_published_weights_is_refused_when_they_are_asked_for():
    with pytest.raises(UsageError, match="no published weights of 'lcnet_035'"):
        backbone("lcnet_035", 3, size=SIZE, pretrained=True)


def test_weights_come_when_they_are_asked_for_alone(saved):
    made = Backbone(BackboneChoice(name="test_resnet", checkpoint=str(saved)), 3, SIZE)
    before = made.model.state_dict()["layer1.0.conv1.weight"].clone()
    made.load_pretrained()
    assert not torch.equal(made.model.state_dict()["layer1.0.conv1.weight"], before)


def test_frames_become_normalised_channels_oldest_first():
    frames = torch.randint(0, 256, (2, 3, 4, 6, 3), dtype=torch.uint8)
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
    stacked = StackedFrames(mean, std, 3)(frames)
    expected = [
        (frames[:, time, :, :, colour] / 255 - mean[colour]) / std[colour] for time in range(3) for colour in range(3)
    ]
    assert_close(stacked, torch.stack(expected, dim=1))
    assert StackedFrames(mean, std, 3, (8, 8))(frames).shape == (2, 9, 8, 8)
