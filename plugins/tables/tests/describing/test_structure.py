"""Groups, times, tasks and what is submitted; and that every line of what was found can be said otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from plugins.tables.tests import trios

from ctk_tables.describing import describe
from ctk_tables.reading import TableReader


def tables(folder, frame, test, target="y", values=0.5):
    if "id" not in frame:
        frame = frame.assign(id=np.arange(len(frame)))
    return trios.write_trio(folder, frame, test, [target], {"id": None, target: values})


def patients(name: str = "patient_id") -> pd.DataFrame:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({name: np.repeat(draw.permutation(40), 5), "x": draw.normal(size=200).round(3)})
    return frame.assign(y=draw.normal(size=200).round(3))


def test_a_column_that_repeats_and_that_train_and_test_do_not_share_is_a_group(tmp_path):
    described = describe(tables(tmp_path, patients(), 50))
    told = next(each for each in described.findings if each.key == "group")
    assert (described.description.group, told.sure) == ("patient_id", True)
    assert told.why.startswith("30 values in 150 rows of train")
    data = type("Reader", (TableReader,), {"description": described.description})().read(tmp_path)
    same = data.train.groups["group"][:, None] == data.train.groups["group"]
    raw = pd.read_csv(tmp_path / "train.csv")["patient_id"].to_numpy()
    assert_array_equal(same, raw[:, None] == raw)
    assert not {*data.train.groups["group"]} & {*data.test.groups["group"]}


def test_a_group_whose_name_says_nothing_is_doubted_and_one_value_in_both_is_none(tmp_path):
    doubted = next(e for e in describe(tables(tmp_path / "a", patients("alpha"), 50)).findings if e.key == "group")
    assert (doubted.value, doubted.sure) == ("alpha", False)
    assert describe(tables(tmp_path / "b", patients(), 48)).description.group is None


def test_an_id_that_repeats_in_train_is_the_group_and_rows_are_counted(tmp_path):
    frame = patients("id").iloc[:150]
    test = pd.DataFrame({"id": np.arange(100, 120), "x": np.arange(20) / 7})
    frame.to_csv(tmp_path / "train.csv", index=False)
    test.to_csv(tmp_path / "test.csv", index=False)
    test[["id"]].assign(y=0.5).to_csv(tmp_path / "sample_submission.csv", index=False)
    described = describe(tmp_path)
    assert (described.description.id, described.description.group) == ("id", "id")
    data = type("Reader", (TableReader,), {"description": described.description})().read(tmp_path)
    assert data.train.ids.tolist() == [*range(150)]
    assert len(np.unique(data.train.groups["group"])) == 30


def test_whole_numbers_of_a_time_that_the_test_lies_after_are_a_time_that_is_asked_about(tmp_path):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"date_block_num": np.repeat(np.arange(20), 10), "shop": draw.integers(0, 9, 200)})
    described = describe(tables(tmp_path, frame.assign(y=draw.normal(size=200)), 10))
    told = next(each for each in described.findings if each.key == "time")
    assert (described.description.time, described.description.group, told.sure) == ("date_block_num", None, False)


@pytest.mark.parametrize(
    ("target", "values", "sample", "task", "sure"),
    [
        ("y", [0, 1, 2] * 40, 0, "classes", False),
        ("label", [0, 1, 2] * 40, 0, "classes", True),
        ("grade", [1, 2, 3, 4] * 30, 1, "ordinal", False),
        ("rings", [3, 5, 9, 14, 20, 21] * 20, 9, "regression", False),
        ("y", [0, 1, 2] * 40, 0.98, "regression", True),
        ("y", [*range(120)], 5, "regression", True),
        ("y", [0.5, 1.5, 2] * 40, 0, "regression", True),
        ("y", ["Low", "High", "Medium"] * 40, "Low", "ordinal", False),
        ("y", ["fox", "owl", "elk"] * 40, "fox", "classes", True),
        ("y", ["no", "yes"] * 60, "no", "binary", True),
    ],
)
def test_tasks_by_the_targets_values_and_the_samples(tmp_path, target, values, sample, task, sure):
    frame = pd.DataFrame({"x": np.arange(120) % 11, target: values})
    described = describe(tables(tmp_path, frame, 20, target, sample))
    assert described.description.task == task
    assert next(each for each in described.findings if each.key == "task").sure == sure


def test_words_in_an_order_are_classes_in_this_order(tmp_path):
    frame = pd.DataFrame({"x": np.arange(120) % 11, "y": ["Low", "High", "Medium"] * 40})
    folder = tables(tmp_path, frame, 20, "y", "Low")
    found = describe(folder).description
    assert (found.classes, found.metric, found.submits) == (("Low", "Medium", "High"), "quadratic_kappa", "labels")
    data = type("Reader", (TableReader,), {"description": found})().read(folder)
    assert data.train.target[:3].tolist() == [[0], [2], [1]]


@pytest.mark.parametrize(
    ("metric", "task", "submits"),
    [
        ("auc", "binary", "probabilities"),
        ("log_loss", "binary", "probabilities"),
        ("f1", "binary", "labels"),
        ("mcc", "binary", "labels"),
        ("rmse", "regression", "numbers"),
        ("own.py:score", "binary", "labels"),
    ],
)
def test_a_metric_that_is_said_tells_what_is_submitted(tmp_path, metric, task, submits):
    frame = pd.DataFrame({"x": np.arange(120) % 11, "y": [0, 1] * 60})
    described = describe(tables(tmp_path, frame, 20, "y", 0), metric=metric)
    assert (described.description.task, described.description.submits) == (task, submits)
    assert described.description.metric == metric
    assert next(each for each in described.findings if each.key == "metric").sure


def test_zeros_alone_leave_open_whether_labels_or_probabilities_are_wanted(tmp_path):
    frame = pd.DataFrame({"x": np.arange(120) % 11, "y": [0, 1] * 60})
    told = next(e for e in describe(tables(tmp_path, frame, 20, "y", 0)).findings if e.key == "submits")
    assert (told.value, told.sure) == ("labels", False)


def test_targets_of_two_kinds_are_numbers_where_all_can_be(tmp_path):
    frame = pd.DataFrame({"id": np.arange(60), "x": np.arange(60) % 7, "a": np.arange(60) % 2, "b": np.arange(60) / 7})
    folder = trios.write_trio(tmp_path, frame, 10, ["a", "b"], {"id": None, "a": 0.5, "b": 0.5})
    assert describe(folder).description.task == "regression"


def test_every_line_can_be_said_otherwise(tmp_path):
    folder = trios.playground(tmp_path)
    (folder / "train.csv").rename(folder / "history.csv")
    found = describe(
        folder,
        train="history.csv",
        task="classes",
        classes=["1", "0"],
        submits="probabilities",
        metric="mcc",
        group="Gender",
        time="Age",
        column=["Vehicle_Age=left-out", "Annual_Premium=category"],
        missing=["Male"],
    )
    found = found.description
    assert (found.task, found.classes, found.submits, found.metric) == ("classes", ("1", "0"), "probabilities", "mcc")
    assert (found.group, found.time, found.train.path) == ("Gender", "Age", "history.csv")
    assert found.columns["Vehicle_Age"].kind == "left-out"
    assert found.columns["Annual_Premium"].kind == "category"
    assert found.columns["Gender"].missing == ("Male",)


def test_a_description_goes_through_yaml_and_back(tmp_path):
    import yaml

    found = describe(trios.titanic(tmp_path)).description
    text = yaml.safe_dump(found.model_dump(mode="json"))
    assert type(found).model_validate(yaml.safe_load(text)) == found


@pytest.mark.parametrize(
    ("labels", "sample", "written"),
    [
        (["False", "True"], ["True", "False"], ()),
        (["False", "True"], ["0", "1"], ("0", "1")),
        (["False", "True"], ["TRUE", "FALSE"], ("FALSE", "TRUE")),
        (["0.0", "1.0"], ["0", "1"], ("0", "1")),
        (["no", "yes"], ["0", "0"], ("0", "1")),
    ],
)
def test_labels_that_the_sample_writes_otherwise_are_written_so(tmp_path, labels, sample, written):
    frame = pd.DataFrame({"x": np.arange(120) % 11, "y": labels * 60})
    found = describe(tables(tmp_path, frame, 20, "y", sample * 10)).description
    assert (found.classes, found.written, found.submits) == (tuple(labels), written, "labels")
