"""The core's own components keep the contract that it asks of others'."""

import pytest

from ctk.testing import check_plugin


@pytest.mark.slow
def test_the_built_in_components_keep_the_contract():
    report = check_plugin("ctk", overrides={"target-statistics": ["features.extracted.by=[block]"]})
    tried = report.checked["run"]
    for title in (
        "model 'ridge'",
        "loss 'info-nce'",
        "view 'crops' in toy-regression",
        "blender 'hill-climb-retrieval'",
        "extractor 'svd'",
        "executor 'local'",
    ):
        assert any(each.startswith(title) for each in tried), tried
