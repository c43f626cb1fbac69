"""A submission has no ids: rows go by the test's order, and whatever else could be wrong is told."""

import numpy as np
import pandas as pd
import pytest

from ctk.errors import DataError, SubmissionError
from ctk.samples import Samples
from ctk_atmacup_18.columns import TARGETS
from ctk_atmacup_18.competition import AtmaCup18
from ctk_atmacup_18.constant_speed import ConstantSpeed

COMPETITION = AtmaCup18()


@pytest.fixture
def test() -> Samples:
    return Samples(np.array(["a_20", "a_120", "b_20"]), {})


@pytest.fixture
def written(test, tmp_path):
    values = np.random.default_rng(0).standard_normal((3, 18)).astype(np.float32)
    COMPETITION.write_submission(tmp_path / "s.csv", test, values)
    return tmp_path / "s.csv", values


def test_is_read_back_to_the_last_bit(written, test):
    path, values = written
    assert path.read_text().splitlines()[0] == ",".join(TARGETS)
    np.testing.assert_array_equal(COMPETITION.read_submission(path, test).values, values)


def test_columns_are_in_the_sample_submissions_order(test, tmp_path):
    asked = Samples(test.ids, {}, constants={"submission": np.array(TARGETS[::-1])})
    values = np.arange(54, dtype=np.float32).reshape(3, 18)
    COMPETITION.write_submission(tmp_path / "s.csv", asked, values)
    assert pd.read_csv(tmp_path / "s.csv").columns.tolist() == list(TARGETS[::-1])
    np.testing.assert_array_equal(COMPETITION.read_submission(tmp_path / "s.csv", asked).values, values)
    with pytest.raises(SubmissionError, match="has its columns in another order"):
        COMPETITION.read_submission(tmp_path / "s.csv", test)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.head(2), "has 2 rows, and 3 are asked for"),
        (lambda table: table.drop(columns="y_2"), "has no column 'y_2'"),
        (lambda table: table.assign(ID="a_20"), "has a column 'ID'"),
        (lambda table: table.assign(z_0=[1, np.nan, 1]), "row 2, column z_0: is empty"),
        (lambda table: table.assign(z_0=[1, 1, "inf"]), "row 3, column z_0: 'inf' is no finite number"),
    ],
)
def test_what_is_wrong_is_named(change, said, written, test):
    path, _ = written
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(SubmissionError, match=said):
        COMPETITION.read_submission(path, test)


def test_a_truth_alone_keeps_its_own_order_and_knows_its_scenes(once_data, tmp_path):
    table = pd.read_csv(once_data / "test_truth.csv")
    table.to_csv(tmp_path / "truth.csv", index=False)
    truth = COMPETITION.read_truth(tmp_path / "truth.csv")
    assert truth.ids.tolist() == table["ID"].tolist()
    beside = COMPETITION.read_truth(once_data / "test_truth.csv")
    assert beside.ids.tolist() == pd.read_csv(once_data / "test_features.csv")["ID"].tolist()
    assert COMPETITION.evaluate(truth.target + 0.5, truth)["mae_rows_3-6"] == pytest.approx(0.5, abs=1e-5)
    with pytest.raises(DataError, match="there is no such file"):
        COMPETITION.read_truth(tmp_path / "nowhere.csv")


def test_numbers_are_means_of_the_parts_they_are_named_after():
    rows = np.array([1, 2, 3, 6])
    samples = Samples(np.arange(4), {}, target=np.zeros((4, 18), np.float32), groups={"scene-rows": rows})
    prediction = np.zeros((4, 18), np.float32)
    prediction[:, TARGETS.index("y_2")] = [3, 6, 9, 0]
    numbers = COMPETITION.evaluate(prediction, samples)
    said = {name: round(value, 4) for name, value in numbers.items() if value}
    expected = {"mae": 0.25, "mae_y": 0.75, "mae_1.5s": 1.5, "mae_rows_1-2": 0.25, "mae_rows_3-6": 0.25}
    assert said == expected


def test_constant_speed_goes_straight_on():
    path = ConstantSpeed().predict(Samples(np.arange(2), {"vEgo": np.array([10, 0], np.float32)}))
    assert path[0, 0::3].tolist() == [5, 10, 15, 20, 25, 30]
    assert not path[:, 1::3].any()
    assert not path[1].any()
