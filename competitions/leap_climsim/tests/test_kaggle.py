"""Kaggle's tables become the samples of the contract, or an error that names file, line and column."""

import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ctk.errors import CtkError, DataError, UsageError
from ctk_leap_climsim.columns import INPUTS, TARGETS, ZERO
from ctk_leap_climsim.competition import LEAPClimSim
from ctk_leap_climsim.reading.reader import ClimSimReader
from ctk_leap_climsim.tables import csv_table


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(csv_table, "BLOCK", 100_000)  # some five rows


def cut(path, count):
    """Take bytes from a file's end."""
    path.write_bytes(path.read_bytes()[:-count])


def drop_column(path, name):
    pd.read_csv(path, dtype=str).drop(columns=name).to_csv(path, index=False)


def rewrite(path, change):
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")


def test_values_are_those_of_the_tables_to_the_last_bit(tables, prepared):
    data = prepared(tables)
    train = pd.read_csv(tables / "train.csv")
    test = pd.read_csv(tables / "test.csv")
    for samples, table in ((data.train, train), (data.test, test)):
        np.testing.assert_array_equal(samples.ids, table["sample_id"].str.split("_").str[1].astype(int))
        np.testing.assert_array_equal(samples.features["columns"], table[list(INPUTS)].to_numpy(np.float32))
        liquid = [f"state_q0002_{level}" for level in range(12, 28)]
        np.testing.assert_array_equal(samples.features["cloud_liquid"], table[liquid].to_numpy())
    np.testing.assert_array_equal(data.train.target, train[list(TARGETS)].to_numpy())
    assert data.test.target is None
    assert data.truth is None
    assert data.train.targets.names.tolist() == list(TARGETS)


def test_the_last_time_steps_are_validated_on_and_not_in_the_statistics(tables, prepared):
    data = prepared(tables)
    np.testing.assert_array_equal(data.train.group("time"), np.repeat([0, 1, 2], 10))
    np.testing.assert_array_equal(data.train.group("fold"), np.repeat([-1, 0], [20, 10]))
    trained = data.train.features["columns"][:20].astype(np.float64)
    for samples in (data.train, data.test):
        np.testing.assert_allclose(samples.constants["feature_std"], trained.std(axis=0), rtol=1e-12)
        np.testing.assert_allclose(samples.constants["target_std"], data.train.target[:20].std(axis=0), rtol=1e-12)
    assert data.about == "20 columns of air to train on, 10 to validate on (the last 1 time steps), 5 to predict"


def test_the_share_that_is_validated_on_is_an_option(tables, prepared):
    assert (prepared(tables, valid=0.6).train.group("fold") == 0).sum() == 20


def test_columns_may_stand_in_any_order(tables, prepared):
    expected = prepared(tables)
    shutil.rmtree(tables.with_name("prepared"))
    for name in ("train.csv", "test.csv"):
        table = pd.read_csv(tables / name, dtype=str)
        table[list(table.columns[::-1])].to_csv(tables / name, index=False)
    again = prepared(tables)
    np.testing.assert_array_equal(again.train.features["columns"], expected.train.features["columns"])
    np.testing.assert_array_equal(again.train.target, expected.train.target)
    np.testing.assert_array_equal(again.test.ids, expected.test.ids)


def test_weights_are_the_values_of_the_sample_submission(tables, prepared):
    weights = np.where(ZERO, 0, np.random.default_rng(0).uniform(1, 1e15, 368))
    table = pd.read_csv(tables / "sample_submission.csv")
    table[list(TARGETS)] = weights
    table.to_csv(tables / "sample_submission.csv", index=False)
    data = prepared(tables)
    np.testing.assert_array_equal(data.train.constants["weights"], weights)
    np.testing.assert_array_equal(data.test.constants["weights"], weights)


def test_a_submission_has_the_order_of_the_sample_submission(tables, prepared, tmp_path):
    test = prepared(tables).test
    assert test.ids.tolist() == [7, 3, 11, 4, 1]
    values = np.repeat(test.ids[:, None], len(TARGETS), axis=1).astype(float)
    LEAPClimSim().write_submission(tmp_path / "submission.csv", test, values)
    written = pd.read_csv(tmp_path / "submission.csv")
    assert written["sample_id"].tolist() == pd.read_csv(tables / "sample_submission.csv")["sample_id"].tolist()
    assert written["cam_out_SOLLD"].tolist() == [1, 3, 4, 7, 11]
    read = LEAPClimSim().read_submission(tmp_path / "submission.csv", test)
    assert read.values[:, -1].tolist() == [7, 3, 11, 4, 1]


def test_a_sample_submission_of_zeros_leaves_the_weights_at_one(tables, prepared):
    table = pd.read_csv(tables / "sample_submission.csv")
    table[list(TARGETS)] = 0.0
    table.to_csv(tables / "sample_submission.csv", index=False)
    np.testing.assert_array_equal(prepared(tables).test.constants["weights"], np.where(ZERO, 0, 1))


def test_the_old_pair_is_taken_when_asked_for_or_alone(tables):
    for name in ("test", "sample_submission"):
        shutil.copy(tables / f"{name}.csv", tables / f"{name}_old.csv")
    names = ["train.csv", "test_old.csv", "sample_submission_old.csv"]
    assert [path.name for path in ClimSimReader(old=True).sources(tables)] == names
    assert [path.name for path in ClimSimReader().sources(tables)] == [name.replace("_old", "") for name in names]
    for name in ("test", "sample_submission"):
        (tables / f"{name}.csv").unlink()
    assert [path.name for path in ClimSimReader().sources(tables)] == names


def test_without_a_training_table_there_is_something_to_predict(tables, prepared):
    (tables / "train.csv").unlink()
    data = prepared(tables)
    assert (len(data.train), len(data.test)) == (0, 5)
    assert data.train.target.shape == (0, 368)
    assert data.train.group("fold").shape == (0,)
    assert all(np.isfinite(values).all() for values in data.test.constants.values())
    assert "only --stage predict works" in data.about


def test_missing_and_extra_columns_are_named(tables, prepared):
    drop_column(tables / "train.csv", "state_ps")
    with pytest.raises(DataError, match=r"train.csv: missing columns \(1\): state_ps"):
        prepared(tables)


def test_a_sample_submission_in_another_order_is_refused(tables, prepared):
    table = pd.read_csv(tables / "sample_submission.csv")
    table[["sample_id", *TARGETS[::-1]]].to_csv(tables / "sample_submission.csv", index=False)
    with pytest.raises(DataError, match=r"sample_submission.csv: column 2 is cam_out_SOLLD where ptend_t_0 belongs"):
        prepared(tables)


@pytest.mark.parametrize("name", ["train.csv", "test.csv"])
def test_bad_cells_are_counted_and_the_first_is_named(name, tables, prepared, edit):
    edit(tables / name, 4, "state_q0003_7", "NaN")
    edit(tables / name, 4, "state_t_0", "inf")
    edit(tables / name, 6, "pbuf_N2O_59", "")
    with pytest.raises(DataError, match=rf"{name}: 3 .* line 4, column state_t_0 \(infinite\)") as error:
        prepared(tables)
    assert ("-o data.bad_rows=drop" in error.value.help) == (name == "train.csv")


def test_bad_rows_can_be_dropped_from_training_but_never_from_the_test(tables, prepared, edit):
    edit(tables / "train.csv", 4, "ptend_t_3", "NaN")
    edit(tables / "train.csv", 31, "state_t_0", "NaN")
    data = prepared(tables, bad_rows="drop")
    assert 2 not in data.train.ids
    assert (data.train.group("fold") == 0).sum() == 9
    assert data.about.endswith("; 2 rows with bad cells dropped")
    shutil.rmtree(tables.with_name("prepared"))
    edit(tables / "test.csv", 4, "state_t_3", "NaN")
    with pytest.raises(DataError, match=r"test.csv: 1 .* line 4, column state_t_3"):
        prepared(tables, bad_rows="drop")


def test_a_number_beyond_float32_is_named(tables, prepared, edit):
    edit(tables / "train.csv", 4, "state_ps", "1e300")
    with pytest.raises(DataError, match=r"train.csv, line 4, column state_ps: 1e\+300 is too large for float32"):
        prepared(tables)


def test_a_table_cut_in_a_line_says_at_once_how_many_rows_are_whole(tables, prepared, monkeypatch):
    cut(tables / "train.csv", 5000)
    monkeypatch.setattr(csv_table.CsvTable, "blocks", None)  # would raise TypeError
    with pytest.raises(DataError, match=r"train.csv, line 31: has .* of 925 cells and no line end") as error:
        prepared(tables)
    assert error.value.help.startswith("The 29 rows before it are whole.")


@pytest.mark.parametrize("name", ["train.csv", "test.csv"])
def test_a_table_cut_in_its_last_number_is_refused(name, tables, prepared):
    cut(tables / name, 4)
    with pytest.raises(DataError, match=rf"{name}, line (31: .*and no line end|6: has no end)"):
        prepared(tables)


def test_tables_without_a_last_line_end_are_whole(tables, prepared):
    for name in ("train.csv", "test.csv", "sample_submission.csv"):
        cut(tables / name, 1)
    data = prepared(tables)
    assert (len(data.train), len(data.test)) == (30, 5)


def test_a_short_line_in_the_middle_is_named(tables, prepared):
    rewrite(tables / "train.csv", lambda lines: [*lines[:7], lines[7].rsplit(",", 3)[0], *lines[8:]])
    with pytest.raises(DataError, match=r"train.csv, line 8: has 922 cells where 925 belong"):
        prepared(tables)


def test_a_cell_that_is_no_number_is_named(tables, prepared, edit):
    edit(tables / "test.csv", 3, "state_u_5", "x7")
    with pytest.raises(DataError, match=r"test.csv, line 3, column state_u_5: 'x7' is no number"):
        prepared(tables)


@pytest.mark.parametrize(("line", "id"), [(2, "7"), (4, "test_1"), (4, "train_01"), (31, "train_x")])
def test_an_id_of_another_form_is_named(line, id, tables, prepared, edit):
    edit(tables / "train.csv", line, "sample_id", id)
    with pytest.raises(DataError, match=rf"train.csv.*column sample_id: '{id}' is no id"):
        prepared(tables)


@pytest.mark.parametrize("id", ["train_1", "train_0"])
def test_training_ids_that_repeat_or_fall_are_named(id, tables, prepared, edit):
    edit(tables / "train.csv", 4, "sample_id", id)
    with pytest.raises(DataError, match=rf"train.csv, line 4: {id} follows train_1"):
        prepared(tables)


def test_test_ids_that_repeat_are_named(tables, prepared, edit):
    edit(tables / "test.csv", 5, "sample_id", "test_3")
    with pytest.raises(DataError, match=r"test.csv, line 5: test_3 is also in line 3; 1 of 5 ids repeat"):
        prepared(tables)


@pytest.mark.parametrize(("name", "other"), [("test", "sample_submission"), ("sample_submission", "test")])
def test_test_ids_that_are_not_those_of_the_sample_submission_are_named(name, other, tables, prepared):
    shutil.copy(tables / f"{other}.csv", tables / "kept.csv")
    rewrite(tables / f"{other}.csv", lambda lines: [lines[0], *(line for line in lines[1:] if "test_3," not in line)])
    with pytest.raises(
        DataError, match=rf"{name}.csv: 1 of its 5 ids are not in {other}.csv; the first is test_3 in line \d"
    ):
        prepared(tables)


@pytest.mark.parametrize(
    ("rows", "what"), [(range(2, 32), "train"), (range(2, 22), "train"), (range(22, 32), "validate")]
)
def test_dropping_every_row_of_a_part_is_refused(rows, what, tables, prepared, edit):
    for line in rows:
        edit(tables / "train.csv", line, "state_ps", "")
    with pytest.raises(
        DataError, match=rf"No row to {what} on is left: .* {len(rows)} with bad cells.*line {rows[0]},"
    ):
        prepared(tables, bad_rows="drop")


def test_no_row_of_the_test_is_said_to_be_one_that_can_be_left_out(tables, prepared, edit):
    edit(tables / "test.csv", 3, "state_ps", "nan")
    with pytest.raises(DataError, match=r"test.csv: 1 of its cells") as error:
        prepared(tables)
    assert error.value.help == "Mend them: every row of it is predicted."


def test_a_column_without_a_name_is_told(tables, prepared):
    table = pd.read_csv(tables / "train.csv", dtype=str)
    table.to_csv(tables / "train.csv")  # with the index, as pandas does unless told
    with pytest.raises(DataError, match=r"do not belong there \(1\): one without a name"):
        prepared(tables)


def test_time_steps_in_the_wrong_order_are_told_at_once(tables, prepared):
    rewrite(tables / "train.csv", lambda lines: [lines[0], *lines[:0:-1]])
    with pytest.raises(DataError, match="begins in time step 2 and ends in time step 0") as error:
        prepared(tables)
    assert "in the order of their ids" in error.value.help


def test_rows_of_a_sample_submission_that_differ_are_named(tables, prepared, edit):
    edit(tables / "sample_submission.csv", 5, "cam_out_SOLS", "2.0")
    with pytest.raises(DataError, match=r"sample_submission.csv, line 5: is unlike the first row"):
        prepared(tables)


@pytest.mark.parametrize("name", ["train.csv", "test.csv"])
def test_a_table_without_rows_is_named(name, tables, prepared):
    rewrite(tables / name, lambda lines: lines[:1])
    with pytest.raises(DataError, match=rf"{name}: has no rows"):
        prepared(tables)


def test_one_time_step_cannot_be_split(tables, prepared):
    rewrite(tables / "train.csv", lambda lines: lines[:11])
    with pytest.raises(DataError, match="begins and ends in time step 0"):
        prepared(tables)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"train": "0001-02"}, "'data.train': .* has tables, which know no months"),
        ({"valid": 1.5}, "'data.valid': 1.5 is no share"),
        ({"valid": "0001-02"}, "'data.valid': 0001-02 is no share"),
    ],
)
def test_options_of_the_other_layout_are_refused(options, said, tables, prepared):
    with pytest.raises(UsageError, match=said):
        prepared(tables, **options)


def test_a_table_that_is_missing_beside_others_is_named(tables, prepared):
    (tables / "sample_submission.csv").unlink()
    with pytest.raises(DataError, match=r"sample_submission.csv: there is no such file") as error:
        prepared(tables)
    assert "ctk data leap-climsim --download" in error.value.help


def test_a_full_disk_is_told_before_the_work_begins(tables, prepared, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1000))
    monkeypatch.setattr(csv_table.CsvTable, "blocks", None)  # would raise TypeError
    with pytest.raises(CtkError, match=r"needs 0\.\d GB at .*prepared"):
        prepared(tables)
