"""The command line, end to end, on a small folder in the real layout."""

import json

import numpy as np
import pandas as pd

from ctk_csiro_biomass.columns import TARGETS
from ctk_csiro_biomass.competition import CSIROBiomass


def test_a_run_ends_in_a_valid_submission_with_the_samples_rows(finished, once_data, small, ctk):
    table = pd.read_csv(finished / "submission.csv")
    assert table["sample_id"].tolist() == pd.read_csv(once_data / "sample_submission.csv")["sample_id"].tolist()
    wide = table["target"].groupby(table["sample_id"].str.split("__").str[1]).apply(np.array)
    np.testing.assert_allclose(wide["Dry_Total_g"], wide["GDM_g"] + wide["Dry_Dead_g"], atol=1e-3)
    assert (table["target"] >= 0).all()
    line = ("validate", "csiro-biomass", finished / "submission.csv", "--data", once_data, *small)
    assert "valid" in ctk(*line, code=0).stdout


def test_a_score_is_that_of_the_run(finished, once_data, ctk):
    line = ("score", "csiro-biomass", finished / "submission.csv", "--truth", once_data / "test_truth.csv", "--json")
    told = json.loads(ctk(*line, code=0).stdout)
    said = json.loads((finished / "scores.json").read_text())["test"]
    assert told["weighted-r2"] == said["weighted-r2"] > 0.9
    assert said["weighted-r2"] != said["mean-r2"]
    assert {f"{kind}_{name}" for kind in ("rmse", "mae") for name in TARGETS} <= said.keys()


def test_folds_keep_dates_together_and_are_checked(finished):
    table = pd.read_csv(finished / "folds.csv")
    assert table["rows_validated"][:3].sum() == 24
    assert "Checked: no &#39;date&#39; is on both sides of a fold." in (finished / "report.html").read_text()


def test_presets_of_other_splits_are_the_default_with_them():
    presets = CSIROBiomass().presets()
    assert presets["by-state"]["members"] == presets["by-image"]["members"] == presets["default"]["members"]
    assert presets["by-state"]["split"] == {"scheme": "group", "by": "state", "folds": 4, "use": 4}


def test_variants_change_what_the_ablations_base_has():
    competition = CSIROBiomass()
    base = competition.presets()["ablation"]["members"][0]
    assert competition.variants().keys() == {"image-only", "no-ema", "no-curriculum"}
    assert all(base[key] for key in ("ema", "snapshots", "curriculum"))
    assert base["model"]["fusion"]["metadata"]
    assert competition.variants()["image-only"] == [
        'members.network.model.fusion="none"', "members.network.model.auxiliary=null", "members.network.ema=null",
        "members.network.curriculum=null",
    ]  # fmt: skip
