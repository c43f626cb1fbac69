"""The plugin keeps the toolkit's contract; its filter is tried with a tiny model of random weights, offline."""

import json

import open_clip
import torch

from ctk.testing import check_plugin

TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 32, "patch_size": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 1, "layers": 1},
}


def test_the_plugin_keeps_the_contract(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    config, weights = tmp_path / "tiny-conformance.json", tmp_path / "tiny.pt"
    config.write_text(json.dumps(TINY))
    open_clip.add_model_config(config)
    torch.manual_seed(0)
    torch.save(open_clip.create_model(config.stem).state_dict(), weights)
    options = [f"filters.clip.config={config}", f"filters.clip.pretrained={weights}"]
    report = check_plugin("open-clip", overrides={"clip": options})
    assert report.checked["run"] == ["filter 'clip' in toy-retrieval"]
