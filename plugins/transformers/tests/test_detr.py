"""Features of pictures by a DETR: a small one with random weights, in a local folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from transformers import AutoModel, BertConfig, BertModel, DetrConfig, DetrModel, ResNetConfig

from ctk.errors import CtkError, UsageError
from ctk.samples import Samples
from ctk.training import autocast
from ctk_transformers.extractor import MEAN, STD, DetrRegions


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DETR with a ResNet of four channels and an encoder of one layer, as save_pretrained writes it."""
    torch.manual_seed(0)
    backbone = ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 8, 8, 16], depths=[1, 1, 1, 1], layer_type="basic", out_features=["stage4"]
    )
    config = DetrConfig(
        use_timm_backbone=False,
        backbone_config=backbone,
        backbone=None,
        use_pretrained_backbone=False,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        num_queries=3,
    )
    path = tmp_path_factory.mktemp("detr")
    DetrModel(config).save_pretrained(path)
    return path


@pytest.fixture
def drives() -> Samples:
    frames = np.random.default_rng(0).integers(0, 256, (5, 3, 64, 128, 3), dtype=np.uint8)
    return Samples(ids=np.arange(5), features={"frames": frames})


def normalised(frames: np.ndarray) -> torch.Tensor:
    mean, std = (torch.tensor(each)[:, None, None] for each in (MEAN, STD))
    return (torch.from_numpy(frames).permute(0, 3, 1, 2) / 255 - mean) / std


def extract(samples: Samples, **options) -> dict[str, np.ndarray]:
    return DetrRegions(**options).extract(samples, lambda done, total: None)


def test_the_encoders_states_are_laid_out_as_the_picture_is(folder, drives):
    """A map of 2 x 4 in as many regions: each is one of the encoder's states, row by row."""
    found = extract(drives, model=str(folder), batch=2)
    with torch.inference_mode(), autocast(torch.device("cpu"), "auto"):  # bfloat16 where that is faster
        states = AutoModel.from_pretrained(folder).eval()(normalised(drives.features["frames"][:, -1]))
    for number in range(8):
        region = states.encoder_last_hidden_state[:, number].float().numpy()
        assert_allclose(found[f"region-{number // 4}-{number % 4}"], region, rtol=0.02, atol=0.02)
    assert {name for name in found if "similarity" in name} == {f"similarity-{pair}" for pair in ("0-1", "0-2", "1-2")}


def test_the_backbones_map_can_be_asked_for(folder, drives):
    assert extract(drives, model=str(folder), layer="backbone", grid=(1, 2))["region-0-1"].shape == (5, 16)


def test_a_folder_that_is_not_there_is_refused(drives):
    with pytest.raises(UsageError, match=r"\./gone: there is no such folder"):
        extract(drives, model="./gone")


def test_a_folder_without_weights_is_refused_with_its_name(drives, tmp_path):
    with pytest.raises(CtkError, match=r"cannot be loaded as a model \(.*\)\.\nIts folder must hold config\.json"):
        extract(drives, model=str(tmp_path))


def test_another_model_than_a_detr_is_refused(drives, tmp_path):
    config = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9)
    BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="is a BertModel, no DETR"):
        extract(drives, model=str(tmp_path))


def test_a_hub_out_of_reach_is_told_at_once_with_the_way_round(drives, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("ctk_timm.hub.try_to_load_from_cache", lambda repository, name: None)
    with pytest.raises(CtkError, match=r"'facebook/detr-resnet-50' cannot be fetched(.|\n)*model: FOLDER"):
        extract(drives)
