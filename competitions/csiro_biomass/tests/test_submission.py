"""A submission is a long table whose rows are found by their ids; both forms of the metric are counted apart."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from ctk.errors import DataError, SubmissionError
from ctk.samples import Samples
from ctk_csiro_biomass.columns import TARGETS, WEIGHTS
from ctk_csiro_biomass.competition import CSIROBiomass

COMPETITION = CSIROBiomass()


@pytest.fixture
def test() -> Samples:
    return Samples(np.array(["ID3", "ID1", "ID2"]), {})


@pytest.fixture
def written(test, tmp_path):
    values = np.random.default_rng(0).uniform(0, 60, (3, 5)).astype(np.float32)
    COMPETITION.write_submission(tmp_path / "s.csv", test, values)
    return tmp_path / "s.csv", values


def test_is_read_back_to_the_last_bit_in_whatever_order(written, test):
    path, values = written
    table = pd.read_csv(path, dtype=str)
    assert table["sample_id"][:6].tolist() == [*(f"ID3__{name}" for name in TARGETS), f"ID1__{TARGETS[0]}"]
    np.testing.assert_array_equal(COMPETITION.read_submission(path, test).values, values)
    table.sample(frac=1, random_state=0).to_csv(path, index=False)
    np.testing.assert_array_equal(COMPETITION.read_submission(path, test).values, values)


def test_rows_are_in_the_sample_submissions_order(test, tmp_path):
    order = [f"{id}__{name}" for name in TARGETS[::-1] for id in ("ID2", "ID3", "ID1")]
    asked = Samples(test.ids, {}, constants={"submission": np.array(order)})
    COMPETITION.write_submission(tmp_path / "s.csv", asked, np.arange(15).reshape(3, 5))
    table = pd.read_csv(tmp_path / "s.csv")
    assert table["sample_id"].tolist() == order
    assert table["target"][:3].tolist() == [14, 4, 9]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.head(14), "row 11, .*ID2 has 4 rows, and none of Dry_Total_g"),
        (lambda table: table.head(10), "has no row of ID2__Dry_Green_g"),
        (lambda table: pd.concat([table, table.tail(1)]), "row 16, column sample_id: ID2__Dry_Total_g is in row 15"),
        (lambda table: table.drop(columns="target"), "has no column 'target'"),
        (lambda table: table.assign(state="WA"), "has a column 'state'"),
        (lambda table: table.assign(target=["x", *table["target"][1:]]), r"row 1 \(ID3.*column target: 'x' is no fini"),
        (lambda table: table.assign(target=np.nan), r"row 1 \(ID3__Dry_Green_g\), column target: is empty"),
        (lambda table: table.assign(sample_id=table["sample_id"].str.replace("ID1", "ID9")), "ID9__Dry_Green_g is not"),
        (
            lambda table: table.assign(sample_id=table["sample_id"].str.replace("GDM", "GMD")),
            "row 4, column sample_id: 'GMD_g' is no target",
        ),
    ],
)
def test_what_is_wrong_is_named(change, said, written, test):
    path, _ = written
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(SubmissionError, match=said):
        COMPETITION.read_submission(path, test)


def test_a_truth_is_read_and_scores_best(once_data):
    truth = COMPETITION.read_truth(once_data / "test_truth.csv")
    scores = COMPETITION.evaluate(truth.target, truth)
    assert scores["weighted-r2"] == scores["mean-r2"] == 1
    with pytest.raises(DataError, match="there is no such file"):
        COMPETITION.read_truth(once_data / "nowhere.csv")


def test_the_two_forms_of_the_metric_are_counted_as_written_down():
    random = np.random.default_rng(1)
    target = random.uniform(0, 50, (40, 5)).astype(np.float32)
    prediction = target + random.normal(0, 5, target.shape)
    scores = COMPETITION.evaluate(prediction, Samples(np.arange(40), {}, target=target))
    weights = np.tile(WEIGHTS, 40)
    flat, guess = target.astype(float).ravel(), prediction.ravel()
    mean = (weights * flat).sum() / weights.sum()
    plain = 1 - (weights * (flat - guess) ** 2).sum() / (weights * (flat - mean) ** 2).sum()
    assert scores["weighted-r2"] == pytest.approx(plain, rel=1e-12)
    by_target = r2_score(target.astype(float), prediction, multioutput="raw_values")
    assert scores["mean-r2"] == pytest.approx((by_target * WEIGHTS).sum(), rel=1e-9)
    assert scores["mae_GDM_g"] == pytest.approx(np.abs(prediction - target)[:, 3].mean())
    assert scores["rmse_Dry_Dead_g"] == pytest.approx(np.sqrt(((prediction - target)[:, 1] ** 2).mean()))


def test_a_target_that_never_moves_makes_no_nan():
    target = np.zeros((3, 5), np.float32)
    samples = Samples(np.arange(3), {}, target=target)
    assert COMPETITION.evaluate(target, samples)["weighted-r2"] == 1
    assert COMPETITION.evaluate(target + 1, samples)["weighted-r2"] == 0
