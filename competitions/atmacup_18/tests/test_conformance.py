"""The plugin keeps the toolkit's contract."""

import pytest

from ctk.testing import check_plugin
from ctk_atmacup_18 import default_data

# Backbones as small as timm has them.
TINY = ["members.0.model.backbone.name=test_resnet.r160_in1k", "members.0.model.backbone.pretrained=false"]


@pytest.mark.slow
def test_the_plugin_keeps_the_contract(once_data, monkeypatch):
    monkeypatch.setattr(default_data, "folder", lambda progress: once_data)
    report = check_plugin("atmacup-18", overrides={"nn1": TINY, "nn2": TINY})
    assert "transform 'flip' in atmacup-18" in report.checked["run"] or report.checked["run"]
    assert "atmacup-18: .csv with NaN" in report.checked["submission"]
