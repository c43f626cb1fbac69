"""Of the training rows those are taken whose numbers a file has; what is wrong with the file is said with its name."""

import pickle

import numpy as np
import pytest
import torch

from ctk.errors import DataError
from ctk_leap_climsim.reading.reader import ClimSimReader
from ctk_leap_climsim.reading.row_index import RowIndex

MONTHS = {"train": "0001-02", "valid": "0001-03", "test": "0001-04"}


def saved(path, rows):
    torch.save(torch.tensor(rows), path) if path.suffix == ".pt" else np.save(path, np.array(rows))
    return path


@pytest.mark.parametrize("name", ["v3_index.pt", "index.npy"])
def test_tables_give_the_rows_that_are_named_and_all_that_are_validated_on(tables, prepared, tmp_path, name):
    data = prepared(tables, rows=str(saved(tmp_path / name, [11, 3, 0])))
    np.testing.assert_array_equal(data.train.group("fold"), np.repeat([-1, 0], [3, 10]))
    whole = ClimSimReader().sources(tables)
    assert ClimSimReader(rows=str(tmp_path / name)).sources(tables) == [*whole, tmp_path / name]
    trained = data.train.features["columns"][:3].astype(np.float64)
    np.testing.assert_allclose(data.train.constants["feature_mean"], trained.mean(axis=0), rtol=1e-6, atol=1e-30)


def test_pairs_give_the_rows_that_are_named_and_all_that_are_validated_on(pairs, prepared, tmp_path):
    width = len(prepared(pairs, **MONTHS).train) // 10  # eight steps to train on, two to validate on
    rows = [8 * width - 1, 0, width + 1]
    chosen = ClimSimReader(**MONTHS, rows=str(saved(tmp_path / "index.pt", rows)))
    place = tmp_path / "chosen"
    place.mkdir()
    chosen.prepare(pairs, place, lambda what, done, total: None)
    expected = [*sorted(rows), *range(8 * width, 10 * width)]
    np.testing.assert_array_equal(np.load(place / "train/ids.npy"), expected)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([0, 5, 5], "row 5 is there twice"),
        ([-1, 2], "row -1 is none"),
        ([0.5], r"holds float32 of shape \(1,\)"),
        ([[0, 1]], r"holds int64 of shape \(1, 2\)"),
        (torch.empty(0, dtype=torch.int64).tolist(), "holds float32 of shape|there are no rows"),
    ],
)
def test_what_is_no_list_of_rows_is_refused(tmp_path, rows, problem):
    with pytest.raises(DataError, match=f"index.pt: .*{problem}"):
        RowIndex(saved(tmp_path / "index.pt", rows))


def test_a_row_beyond_the_files_is_refused(tables, prepared, tmp_path):
    with pytest.raises(DataError, match=r"index.npy: row 1,000 is beyond the 30 training rows"):
        prepared(tables, rows=str(saved(tmp_path / "index.npy", [1000])))


def test_nothing_in_an_index_file_is_run_and_a_missing_one_is_named(tmp_path):
    class Harmful:
        def __reduce__(self):
            return print, ("run",)

    path = tmp_path / "index.pt"
    torch.save(Harmful(), path)
    with pytest.raises(DataError, match="holds more than tensors, or is damaged; none of it was run"):
        RowIndex(path)
    path.write_bytes(pickle.dumps([1, 2])[:5])
    with pytest.raises(DataError, match=r"index.pt: "):
        RowIndex(path)
    for read in (lambda: RowIndex(tmp_path / "other.pt"), lambda: ClimSimReader(rows="other.pt").sources(tmp_path)):
        with pytest.raises(DataError, match=r"other.pt: there is no such file"):
            read()
