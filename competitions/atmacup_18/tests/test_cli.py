"""The command line, end to end, on a small folder made here."""

import json

import numpy as np
import pandas as pd

from ctk_atmacup_18.columns import TARGETS


def test_a_run_ends_in_a_submission_in_the_tests_order(finished, once_data, ctk):
    table = pd.read_csv(finished / "submission.csv")
    test = pd.read_csv(once_data / "test_features.csv")
    assert table.columns.tolist() == list(TARGETS)
    assert len(table) == len(test)
    assert np.corrcoef(table["x_5"], test["vEgo"])[0, 1] > 0.95
    assert "valid" in ctk("validate", "atmacup-18", finished / "submission.csv", "--data", once_data, code=0).stdout


def test_a_score_goes_by_the_tests_order_not_the_truths(finished, once_data, ctk):
    answer = ctk(
        "score", "atmacup-18", finished / "submission.csv", "--truth", once_data / "test_truth.csv", "--json", code=0
    )
    said = json.loads((finished / "scores.json").read_text())["test"]
    assert np.isclose(json.loads(answer.stdout)["mae"], said["mae"])
    assert {"mae_x", "mae_0.5s", "mae_3.0s", "mae_rows_1-2", "mae_rows_3-6"} <= said.keys()
