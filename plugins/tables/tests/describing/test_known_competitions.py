"""Files in the likeness of known competitions are understood as a competitor understands them, without an option."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from plugins.tables.tests import trios

from ctk.plugins.guard.sample_checks import check_data
from ctk_tables.describing import describe
from ctk_tables.description import DescribedTable
from ctk_tables.reading import TableReader


def read(folder: Path, described: DescribedTable):
    reader = type("Reader", (TableReader,), {"description": described.description})()
    return reader.read(folder)


def kinds(described: DescribedTable) -> dict[str, str]:
    return {name: column.kind for name, column in described.description.columns.items()}


@pytest.mark.parametrize(
    ("name", "id", "targets", "task", "submits", "metric"),
    [
        ("titanic", "PassengerId", ("Survived",), "binary", "labels", "accuracy"),
        ("house_prices", "Id", ("SalePrice",), "regression", "numbers", "rmse"),
        ("otto", "id", ("target",), "classes", "probabilities", "log_loss"),
        ("spaceship", "PassengerId", ("Transported",), "binary", "labels", "accuracy"),
        ("bike_sharing", "datetime", ("count",), "regression", "numbers", "rmse"),
        ("store_sales", "id", ("sales",), "regression", "numbers", "rmse"),
        ("playground", "id", ("Response",), "binary", "probabilities", "auc"),
        ("cirrhosis", "id", ("Status",), "classes", "probabilities", "log_loss"),
        ("steel_plates", "id", ("Pastry", "Z_Scratch", "Stains"), "binary", "probabilities", "auc"),
        ("digits", "ImageId", ("label",), "classes", "labels", "accuracy"),
        ("wine", "Id", ("quality",), "ordinal", "labels", "quadratic_kappa"),
    ],
)
def test_id_target_task_and_metric_are_those_of_the_competition(tmp_path, name, id, targets, task, submits, metric):
    folder = getattr(trios, name)(tmp_path)
    found = describe(folder).description
    assert (found.id, found.targets, found.task, found.submits, found.metric) == (id, targets, task, submits, metric)


def test_titanic_has_words_categories_and_numbers_and_its_sample_is_found_under_its_name(tmp_path):
    described = describe(trios.titanic(tmp_path))
    assert described.description.sample.path == "gender_submission.csv"
    assert kinds(described) == {
        **{"Pclass": "number", "Name": "text", "Sex": "category", "Age": "number", "SibSp": "number"},
        **{"Ticket": "category", "Fare": "number", "Cabin": "category", "Embarked": "category"},
    }
    assert described.counts == {"train": 120, "test": 40, "sample": 40}


def test_house_prices_has_codes_and_numbers_with_na_and_none_stays_a_category(tmp_path):
    described = describe(trios.house_prices(tmp_path))
    columns = described.description.columns
    assert {columns[name].kind for name in ("MSSubClass", "Alley", "MasVnrType")} == {"category"}
    assert (columns["LotFrontage"].kind, columns["LotFrontage"].missing) == ("number", ("NA",))
    assert columns["CentralAir"].kind == "boolean"
    data = read(tmp_path, described)
    raw = pd.read_csv(tmp_path / "train.csv", keep_default_na=False)
    assert_array_equal(data.train.features["MasVnrType"], raw["MasVnrType"])
    assert_array_equal(data.train.features["Alley"], raw["Alley"].replace("NA", ""))
    numbers = pd.to_numeric(raw["LotFrontage"], errors="coerce")
    assert_array_equal(data.train.features["LotFrontage"], numbers.astype(np.float32))
    assert_array_equal(data.train.features["CentralAir"], (raw["CentralAir"] == "Y").astype(np.float32))


def test_ottos_classes_are_columns_of_the_target_in_the_samples_order(tmp_path):
    described = describe(trios.otto(tmp_path))
    data = read(tmp_path, described)
    truth = pd.read_csv(tmp_path / "train.csv")["target"]
    assert_array_equal(data.train.targets.names, pd.read_csv(tmp_path / "sampleSubmission.csv").columns[1:])
    assert_array_equal(data.train.targets.names[data.train.target.argmax(1)], truth)
    assert (data.train.target.sum(1) == 1).all()
    assert data.train.target.dtype == np.float32


def test_columns_of_a_submission_in_any_order_are_matched_with_their_labels(tmp_path):
    folder = trios.cirrhosis(tmp_path)
    sample = pd.read_csv(folder / "sample_submission.csv")
    sample[["id", "Status_D", "Status_C", "Status_CL"]].to_csv(folder / "sample_submission.csv", index=False)
    found = describe(folder).description
    assert found.classes == ("D", "C", "CL")
    assert found.submits_columns == ("id", "Status_D", "Status_C", "Status_CL")


def test_spaceships_true_is_one(tmp_path):
    described = describe(trios.spaceship(tmp_path))
    assert described.description.classes == ("False", "True")
    raw = pd.read_csv(tmp_path / "train.csv", dtype=str, keep_default_na=False)
    data = read(tmp_path, described)
    assert_array_equal(data.train.target[:, 0], (raw["Transported"] == "True").astype(np.float32))
    sleep = raw["CryoSleep"].map({"True": 1.0, "False": 0.0, "": np.nan}).astype(np.float32)
    assert_array_equal(data.train.features["CryoSleep"], sleep)
    assert_array_equal(data.test.ids, pd.read_csv(tmp_path / "test.csv")["PassengerId"])


def test_bike_sharing_learns_from_the_time_that_is_its_id_and_not_from_what_the_test_lacks(tmp_path):
    described = describe(trios.bike_sharing(tmp_path))
    assert described.description.time is None
    assert kinds(described)["casual"] == kinds(described)["registered"] == "left-out"
    data = read(tmp_path, described)
    assert "casual" not in data.train.features
    times = pd.to_datetime(pd.read_csv(tmp_path / "train.csv")["datetime"])
    for part in ("year", "month", "day", "hour"):
        assert_array_equal(data.train.features[f"datetime/{part}"], getattr(times.dt, part))
    assert_array_equal(data.train.features["datetime/weekday"], times.dt.day_of_week)
    days = (times - pd.Timestamp("1970-01-01")).dt.total_seconds() / 86400
    assert_array_equal(data.train.features["datetime/days"], days.astype(np.float32))


def test_store_sales_goes_by_time_and_ignores_the_tables_beside(tmp_path):
    described = describe(trios.store_sales(tmp_path))
    assert described.description.time == "date"
    assert described.description.group is None
    data = read(tmp_path, described)
    days = pd.to_datetime(pd.read_csv(tmp_path / "train.csv")["date"])
    assert_array_equal(data.train.groups["time"], days.to_numpy("datetime64[s]").astype(np.int64))
    assert "date/hour" not in data.train.features
    assert data.test.groups["time"].min() > data.train.groups["time"].max()


def test_digits_take_their_ids_from_the_sample_row_by_row(tmp_path):
    described = describe(trios.digits(tmp_path))
    data = read(tmp_path, described)
    assert_array_equal(data.test.ids, np.arange(1, 31))
    assert data.train.constants["header"].tolist() == ["ImageId", "Label"]


def test_rows_of_the_test_come_in_the_samples_order(tmp_path):
    folder = trios.playground(tmp_path)
    sample = pd.read_csv(folder / "sample_submission.csv").sample(frac=1, random_state=0)
    sample.to_csv(folder / "sample_submission.csv", index=False)
    data = read(folder, describe(folder))
    ages = pd.read_csv(folder / "test.csv").set_index("id")["Age"]
    assert_array_equal(data.test.ids, sample["id"])
    assert_array_equal(data.test.features["Age"], ages[sample["id"]])


@pytest.mark.parametrize("name", ["titanic", "otto", "bike_sharing", "store_sales", "steel_plates", "digits", "wine"])
def test_what_is_read_is_as_the_toolkit_wants_it_and_prepared_as_it_is_read(tmp_path, name):
    folder = getattr(trios, name)(tmp_path / "data")
    described = describe(folder)
    check_data(read(folder, described))


def test_labels_for_stratified_folds_are_classes_or_ten_bins_of_numbers(tmp_path):
    data = read(tmp_path, describe(trios.house_prices(tmp_path)))
    bins = data.train.groups["label"]
    assert len(np.unique(bins)) == 10
    prices = data.train.target[:, 0]
    assert all(prices[bins == low].max() <= prices[bins == low + 1].min() for low in range(9))
    assert np.bincount(bins).min() >= 14


def test_every_finding_says_why_and_how_to_say_otherwise(tmp_path):
    for name in ("titanic", "otto", "bike_sharing", "digits"):
        for finding in describe(getattr(trios, name)(tmp_path / name)).findings:
            assert finding.why
            assert finding.option.startswith("--")
            assert finding.value
