"""The plugin keeps the toolkit's contract."""

import pytest

from ctk.testing import check_plugin


@pytest.mark.slow
def test_the_plugin_keeps_the_contract():
    report = check_plugin("aml-retrieval")
    assert "competition 'aml-retrieval', preset 'quick'" in report.checked["run"]
    assert "aml-retrieval: .csv with NaN" in report.checked["submission"]
    assert "aml-retrieval: score of the truth" in report.checked["truth"]
