"""Kinds of columns are what a person would say, and what a person would not be sure of is not sure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from plugins.tables.tests import trios

from ctk_tables.describing import describe
from ctk_tables.describing.kinds import find_kind, words_of
from ctk_tables.reading import TableReader
from ctk_tables.reading.cells import numbers, times, truths

NOWHERE = Path("/nowhere")


def found(values, name="column", **said):
    cells = pa.array([str(value) for value in values], pa.string())
    half = len(cells) // 2
    return find_kind(name, cells[:half], cells[half:], (".", "."), NOWHERE, **said)


def kind(values, name="column") -> str:
    return found(values, name).column.kind


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ([1, 2, 3.5, 7] * 10, "size", "number"),
        ([1, 0] * 20, "flag", "boolean"),
        (["1.0", "0.0", ""] * 20, "flag", "boolean"),
        (["True", "False", ""] * 20, "flag", "boolean"),
        (["yes", "No"] * 20, "flag", "boolean"),
        (["T", "F"] * 20, "flag", "boolean"),
        (["male", "female"] * 20, "sex", "category"),
        ([2, 1] * 20, "side", "number"),
        (["007", "012", "113"] * 20, "clerk", "category"),
        ([5, 20, 60] * 20, "shop_type", "category"),
        ([5, 20, 60] * 20, "CountryCode", "category"),
        ([5, 20, 60] * 20, "weight", "number"),
        (range(60), "index", "left-out"),
        (range(1000, 1060), "row_id", "left-out"),
        (range(60), "position", "left-out"),
        (range(1950, 2010), "year", "number"),
        ([""] * 20, "empty", "left-out"),
        (["NA", ""] * 20, "empty", "left-out"),
        ([f"{n:x}{n * 77:x}ab" for n in range(100, 200)], "hash", "left-out"),
        (["a phrase of some words that says it well", "another such phrase that is told here"] * 3, "t", "category"),
        ([f"row {n} tells of a thing that nobody else has" for n in range(60)], "review", "text"),
        ([f"2021-03-{d:02d}" for d in range(1, 29)] * 2, "when", "date"),
        ([f"2021-03-{d:02d}T10:{d:02d}:00Z" for d in range(1, 29)] * 2, "when", "date"),
        ([f"{d}.03.2021" for d in range(1, 29)] * 2, "when", "date"),
        ([f"3/{d}/2021 4:05" for d in range(1, 29)] * 2, "when", "date"),
        ([f"{d:02d}-Mar-21" for d in range(1, 29)] * 2, "when", "date"),
        ([f"202103{d:02d}" for d in range(1, 29)] * 2, "sale_date", "date"),
        ([f"202103{d:02d}" for d in range(1, 29)] * 2, "amount", "number"),
        (["2021-03", "2021-04", "2021-05"] * 9, "month", "date"),
        (["10-20", "20-30", "30-40"] * 9, "age_band", "category"),
        (["1.2.3", "1.3.4", "2.0.0"] * 9, "version", "category"),
        (["12:30", "13:45", "09:00"] * 9, "clock", "category"),
        (["$5", "$7", "$12"] * 9, "price", "category"),
        (["1e-3", "2E5", "+3", "-.5"] * 9, "x", "number"),
        (["1_000", "2_000"] * 9, "x", "category"),
    ],
)
def test_kinds_by_their_cells(values, name, expected):
    assert kind([*values], name) == expected


def test_marks_of_missing_numbers_are_found_and_others_make_a_category():
    rows = [*range(10, 40), *range(39, 9, -1)]
    assert found([*rows, "NA", "?", "N/A"]).column.missing == ("NA", "?", "N/A")
    assert found([*rows, "inf", "-inf"]).column.missing == ("inf", "-inf")
    unknown = found([*rows, "n. m.", "n. m."])
    assert (unknown.column.kind, unknown.column.missing, unknown.sure) == ("number", ("n. m.",), False)
    assert kind([*rows, "10+", "10+"]) == "category"
    assert kind([*rows, "low", "high"]) == "category"
    assert found(["a", "b", "None", "NA"] * 9).column.missing == ("NA",)


def test_a_number_far_below_all_others_that_returns_stands_for_none_and_is_not_sure():
    sentinel = found([*range(40, 0, -1), -999, -999, "-999"])
    assert (sentinel.column.missing, sentinel.sure) == (("-999",), False)
    assert found([*range(-20, 20), -999, -999]).column.missing == ()
    assert found([*range(40), -999]).column.missing == ()


def test_a_mark_that_was_said_is_missing_in_whatever_column_has_it():
    assert found([1, 2, 3, "leer"] * 5, missing=["leer"]).column.missing == ("leer",)
    assert found(["a", "b", "leer"] * 5, missing=["leer"]).column.missing == ("leer",)


def test_days_before_months_are_told_by_a_day_beyond_twelve_and_doubted_without():
    assert found([f"{d:02d}/01/2020" for d in range(1, 29)]).column.format == "%d/%m/%Y"
    assert found([f"01/{d:02d}/2020" for d in range(1, 29)]).column.format == "%m/%d/%Y"
    either = found([f"0{1 + d % 9}/0{1 + d % 7}/2020" for d in range(40)])
    assert not either.sure
    assert "%d/%m/%Y would fit too" in either.column.why


def test_empty_dates_are_missing_and_hours_are_told_where_there_are_times():
    column = found([f"2021-03-{d:02d}" for d in range(1, 29)] + ["0000-00-00", ""]).column
    assert (column.kind, column.missing, column.hours) == ("date", ("0000-00-00",), False)
    assert found([f"2021-03-{d:02d} 00:00:00" for d in range(1, 29)]).column.hours is False
    assert found([f"2021-03-{d:02d} 07:00:00" for d in range(1, 29)]).column.hours is True


def test_cells_are_numbers_truths_and_times_by_independent_reckoning():
    values, none = numbers(pa.array([" 1.5 ", "", "x", "2,5", "1e39", "nan"]), ".", ["nan"])
    assert_array_equal(values, [1.5, np.nan, np.nan, np.nan, np.nan, np.nan])
    assert_array_equal(none, [False, False, True, True, True, False])
    assert numbers(pa.array(["1.234,5", "1.000", "-7"]), ",")[0].tolist() == [1234.5, 1000.0, -7.0]
    assert numbers(pa.array(["1 234.5", "1'000", "7"]), ".")[0].tolist() == [1234.5, 1000.0, 7.0]
    assert numbers(pa.array(["12,34", "7"]), ".")[1].tolist() == [True, False]
    assert_array_equal(truths(pa.array(["YES", "no", "", "2"]))[0], np.float32([1, 0, np.nan, np.nan]))
    moments, none = times(pa.array(["2020-02-29T12:00:00+02:00", "2020-02-30", ""]), "ISO8601")
    assert moments[0] == pd.Timestamp("2020-02-29 10:00")
    assert none.tolist() == [False, True, False]


def test_words_of_names():
    assert words_of("sampleSubmission_2") == ["sample", "submission", "2"]
    assert words_of("MSSubClass") == ["ms", "sub", "class"]


def test_parquet_types_are_taken_at_their_word(tmp_path):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": np.arange(40),
            "when": pd.date_range("2020-01-01", periods=40, freq="7h"),
            "day": pd.date_range("2020-01-01", periods=40).date,
            "flag": draw.integers(0, 2, 40).astype(bool),
            "count": pd.array([None, *range(39)], "Int64") * 3,
            "place": pd.Categorical(draw.choice(["a", "b"], 40)),
            "code": pd.Categorical(draw.choice([10, 20], 40)),
            "bag": [[1, 2]] * 40,
            "y": draw.normal(size=40),
        }
    )
    frame.head(30).to_parquet(tmp_path / "train.parquet")
    frame.tail(10).drop(columns="y").to_parquet(tmp_path / "test.parquet")
    described = describe(tmp_path, target="y", id="id")
    kinds = {name: column.kind for name, column in described.description.columns.items()}
    assert {**kinds, "bag": "", "code": ""} == {
        **{"when": "date", "day": "date", "flag": "boolean", "count": "number", "place": "category"},
        **{"bag": "", "code": ""},
    }
    data = type("Reader", (TableReader,), {"description": described.description})().read(tmp_path)
    assert_array_equal(data.train.features["flag"], frame["flag"].head(30).astype(np.float32))
    assert_array_equal(data.train.features["count"], frame["count"].head(30).to_numpy(np.float32, na_value=np.nan))
    assert_array_equal(data.train.features["when/hour"], frame["when"].dt.hour.head(30))
    assert data.train.features["place"].tolist() == frame["place"].head(30).tolist()


# Pictures -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "bare"), [(".png", False), (".jpg", True)])
def test_pictures_are_found_by_train_and_test_where_they_lie(tmp_path, suffix, bare):
    for part, numbers_of in (("train", range(30)), ("test", range(30, 40))):
        (tmp_path / f"{part}_images").mkdir()
        for number in numbers_of:
            Image.new("RGB", (4, 4)).save(tmp_path / f"{part}_images" / f"{number:05d}{suffix}")
    names = [f"{n:05d}{'' if bare else suffix}" for n in range(40)]
    frame = pd.DataFrame({"image": names, "x": np.arange(40) % 7, "y": np.arange(40) % 2})
    folder = trios.write_trio(tmp_path, frame, 10, ["y"], {"image": None, "y": 0.5})
    described = describe(folder)
    assert described.description.columns["image"].kind == "picture"
    data = type("Reader", (TableReader,), {"description": described.description})().read(folder)
    assert data.files == folder
    assert data.train.notes["image"][3] == f"train_images/00003{suffix}"
    assert all((data.files / name).is_file() for name in [*data.train.notes["image"], *data.test.notes["image"]])
    assert data.test.ids.tolist() == names[30:]


def test_pictures_that_are_not_there_are_left_out_and_said(tmp_path):
    frame = pd.DataFrame({"id": np.arange(40), "pic": [f"{n}.jpg" for n in range(40)], "x": np.arange(40) % 7})
    frame["y"] = np.arange(40) % 2
    described = describe(trios.write_trio(tmp_path, frame, 10, ["y"], {"id": None, "y": 0.5}))
    told = next(each for each in described.findings if each.key == "columns.pic")
    assert (told.value, told.sure) == ("left-out", False)
    assert "0.jpg is not below" in told.why
