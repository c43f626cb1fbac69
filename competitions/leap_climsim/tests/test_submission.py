"""Submissions are exact, complete and in order, or refused by file, row and column; scores are scikit-learn's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from ctk.errors import CtkError, DataError, SubmissionError
from ctk.samples import Samples
from ctk_leap_climsim.columns import TARGETS
from ctk_leap_climsim.scoring import score_file
from ctk_leap_climsim.submission import read, read_truth, write
from ctk_leap_climsim.tables import csv_table, parquet_table

ROWS = 60
WEIGHTS = np.where(np.arange(368) % 7 == 0, 0.0, 10.0 ** (np.arange(368) % 19))
FORMATS = ["csv", "parquet"]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch, tmp_path):
    monkeypatch.setenv("CTK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("ctk.data.scratch_array.LARGE", 1)
    monkeypatch.setattr(csv_table, "BLOCK", 60_000)
    monkeypatch.setattr(parquet_table, "ROWS", 13)


@pytest.fixture
def test() -> Samples:
    return Samples(ids=np.random.default_rng(0).permutation(500)[:ROWS], features={}, constants={"weights": WEIGHTS})


@pytest.fixture
def values() -> np.ndarray:
    random = np.random.default_rng(1)
    return random.standard_normal((ROWS, 368)) * 10.0 ** random.uniform(-50, 3, (ROWS, 368))


def frame(test: Samples, values: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame(values, columns=list(TARGETS))
    table.insert(0, "sample_id", [f"test_{id}" for id in test.ids])
    return table


def save(table: pd.DataFrame, path) -> None:
    """As other people's scripts do."""
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_written_submission_holds_predictions_times_weights_to_the_last_bit(test, values, tmp_path, suffix):
    path = tmp_path / f"submission.{suffix}"
    write(path, test, values)
    table = pd.read_csv(path, dtype=str) if suffix == "csv" else pd.read_parquet(path)
    assert list(table.columns) == ["sample_id", *TARGETS]
    assert table["sample_id"].tolist() == [f"test_{id}" for id in test.ids]
    np.testing.assert_array_equal(table[list(TARGETS)].to_numpy(np.float64), values * WEIGHTS)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_submission_is_read_in_the_tests_order_and_in_raw_units_whatever_its_own(test, values, tmp_path, suffix):
    path = tmp_path / f"theirs.{suffix}"
    save(frame(test, values * WEIGHTS).sample(frac=1, random_state=2), path)
    submission = read(path, test)
    np.testing.assert_array_equal(submission.ids, test.ids)
    np.testing.assert_allclose(submission.values, np.where(WEIGHTS == 0, 0, values), rtol=3e-16)


def test_what_was_read_takes_no_memory_and_leaves_no_file(test, values, tmp_path):
    path = tmp_path / "ours.parquet"
    write(path, test, values)
    submission = read(path, test)
    assert isinstance(submission.values, np.memmap)
    assert not list((tmp_path / "cache" / "scratch").iterdir())


def test_room_on_the_disk_is_asked_for_first(test, values, tmp_path, monkeypatch):
    path = tmp_path / "ours.parquet"
    write(path, test, values)

    def full(place, needed, what):
        assert needed == ROWS * 368 * 8
        raise CtkError(f"{what} needs more.")

    monkeypatch.setattr("ctk.data.scratch_array.check_room", full)
    with pytest.raises(CtkError, match=r"ours.parquet needs more"):
        read(path, test)


def other_order(table):
    columns = list(table.columns)
    columns[5], columns[6] = columns[6], columns[5]
    return table[columns]


def renamed(table, row, id):
    table.loc[row, "sample_id"] = id
    return table


def holed(table, value):
    table.loc[7, "ptend_t_3"] = value
    table.loc[9, "cam_out_SOLS"] = value
    return table


REFUSED = {
    "a missing column": (lambda t: t.drop(columns="ptend_u_7"), ["missing columns (1): ptend_u_7"]),
    "another column": (lambda t: t.assign(extra=1.0), ["do not belong there (1): extra"]),
    "columns in another order": (other_order, ["column 6 is ptend_t_5 where ptend_t_4 belongs"]),
    "missing rows": (lambda t: t.drop(index=[3, 4]), ["missing ids (2)"]),
    "no rows": (lambda t: t.iloc[:0], [f"missing ids ({ROWS})", "..."]),
    "an id that is no test id": (lambda t: renamed(t, 5, "test_9999"), ["test_9999 in {5}", "missing ids (1)"]),
    "an id twice": (lambda t: renamed(t, 8, t.loc[5, "sample_id"]), ["already (1)", "in {8} (first in {5})"]),
    "an id twice, far apart": (lambda t: renamed(t, 58, t.loc[0, "sample_id"]), ["in {58} (first in {0})"]),
    "an id that is none": (lambda t: renamed(t, 5, "5"), ["{5}, column sample_id: '5'"]),
    "NaN": (lambda t: holed(t, np.nan), ["2 of its cells", "{7}, column ptend_t_3"]),
    "inf": (lambda t: holed(t, np.inf), ["2 of its cells", "{7}, column ptend_t_3"]),
    "1e200": (lambda t: holed(t, -1e200), ["2 of its cells", "{7}, column ptend_t_3 (-1e+200 is too large)"]),
}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("what", REFUSED)
def test_a_wrong_submission_is_refused_by_row_and_column(test, values, tmp_path, suffix, what):
    wrong, named = REFUSED[what]
    path = tmp_path / f"wrong.{suffix}"
    save(wrong(frame(test, values)), path)
    with pytest.raises(SubmissionError) as refused:
        read(path, test)
    rows = [f"line {row + 2}" if suffix == "csv" else f"row {row}" for row in range(ROWS)]
    for part in [path.name, *named]:
        assert part.format(*rows) in str(refused.value)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**31), shuffled=st.booleans(), kinds=st.tuples(*[st.sampled_from(FORMATS)] * 2))
def test_a_score_of_files_is_scikit_learns(tmp_path_factory, seed, shuffled, kinds):
    folder, random = tmp_path_factory.mktemp("score"), np.random.default_rng(seed)
    ids = Samples(ids=random.permutation(ROWS), features={})
    truth = random.standard_normal((ROWS, 368)) * 10.0 ** random.integers(-30, 4, 368)
    truth[:, :3] = 0, 1, 1 / 3
    answer = truth * random.uniform(0.5, 1.5, truth.shape)
    answer[:, 1] = random.choice([1.0, 2.0])
    save(frame(ids, truth).assign(Usage="Public"), folder / f"truth.{kinds[0]}")
    table = frame(ids, answer)
    save(table.sample(frac=1, random_state=1) if shuffled else table, folder / f"answer.{kinds[1]}")
    numbers = score_file(folder / f"answer.{kinds[1]}", folder / f"truth.{kinds[0]}")
    assert numbers["r2"] == pytest.approx(r2_score(truth, answer), rel=1e-12, abs=1e-12)


def test_a_score_of_files_refuses_what_validate_refuses(test, values, tmp_path):
    truth, path = tmp_path / "truth.csv", tmp_path / "answer.csv"
    save(frame(test, values), truth)
    for what in ("missing rows", "an id twice", "NaN", "1e200", "columns in another order"):
        save(REFUSED[what][0](frame(test, values)), path)
        with pytest.raises(SubmissionError, match=r"answer.csv"):
            score_file(path, truth)


def test_a_truth_is_read_with_its_ids_and_without_usage(test, values, tmp_path):
    path = tmp_path / "truth.csv"
    save(frame(test, values).assign(Usage="Private"), path)
    truth = read_truth(path)
    np.testing.assert_array_equal(truth.ids, test.ids)
    assert truth.target is not None
    np.testing.assert_array_equal(truth.target, values)


def test_a_truth_without_rows_or_with_an_id_twice_is_refused(test, values, tmp_path):
    path = tmp_path / "truth.csv"
    table = frame(test, values)
    save(table.iloc[:0], path)
    with pytest.raises(DataError, match="no rows"):
        read_truth(path)
    save(pd.concat([table, table.iloc[[4]]]), path)
    with pytest.raises(DataError, match=f"test_{test.ids[4]} is there 2 times"):
        score_file(path, path)
