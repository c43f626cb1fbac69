"""The plugin keeps the toolkit's contract."""

import pytest

from ctk.testing import check_plugin
from ctk_atmacup_18 import default_data

# A backbone as small as timm has them.
TINY = ["members.0.model.backbone.name=test_resnet.r160_in1k", "members.0.model.backbone.pretrained=false"]
FLIPPED = (
    "members=[{model: {name: nn1, backbone: {name: test_resnet.r160_in1k, pretrained: false}}, transforms: [flip]}]"
)
OVERRIDES = {
    "nn1": TINY,
    "nn2": [*TINY, "members.0.batch.by=scene", "members.0.batch.as=sequences"],
    "flip": [FLIPPED],
    "scene-table": ["members=[{model: {name: ridge, features: [vEgo, scene-table/rows]}}]"],
}


@pytest.mark.slow
def test_the_plugin_keeps_the_contract(once_data, monkeypatch):
    monkeypatch.setattr(default_data, "folder", lambda progress: once_data)
    report = check_plugin("atmacup-18", overrides=OVERRIDES)
    assert "atmacup-18: .csv with NaN" in report.checked["submission"]
