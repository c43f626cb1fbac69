"""The plugin keeps the toolkit's contract."""

import pytest

from ctk.testing import check_plugin

# As large as they are by default, two steps of these take minutes on two cores.
SMALL = {
    "lstm-attention": ["members.0.model.wide=8", "members.0.model.hidden=8", "members.0.model.layers=1"],
    "conv-bilstm-transformer": [
        "members.0.model.hidden=8",
        "members.0.model.layers=1",
        "members.0.model.feedforward=8",
    ],
}


@pytest.mark.slow
def test_the_plugin_keeps_the_contract():
    report = check_plugin("leap-climsim", overrides=SMALL)
    assert {"model 'lstm-attention' in leap-climsim", "model 'conv-bilstm-transformer' in leap-climsim"} <= set(
        report.checked["run"]
    )
    assert {"leap-climsim: .parquet with NaN", "leap-climsim: .csv with NaN"} <= set(report.checked["submission"])
