"""The plugin keeps the toolkit's contract."""

import pytest

from ctk.testing import check_plugin
from ctk_csiro_biomass.competition import CSIROBiomass


@pytest.mark.slow
def test_the_plugin_keeps_the_contract(once_data, monkeypatch):
    monkeypatch.setattr(CSIROBiomass, "default_data", lambda self, progress=None: once_data)
    report = check_plugin("csiro-biomass")
    assert "csiro-biomass: .csv with NaN" in report.checked["submission"]
