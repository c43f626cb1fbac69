"""The core's own components keep the contract that it asks of others'."""

import pytest

from ctk.testing import check_plugin


@pytest.mark.slow
def test_the_built_in_components_keep_the_contract():
    report = check_plugin("ctk")
    tried = report.checked["run"]
    for title in ("model 'ridge'", "loss 'info-nce'", "blender 'hill-climb-retrieval'", "executor 'local'"):
        assert any(each.startswith(title) for each in tried), tried
