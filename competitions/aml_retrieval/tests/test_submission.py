"""What is written is what is read, and a wrong file is answered with row and column."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctk.errors import SubmissionError
from ctk.samples import Gallery, Samples
from ctk_aml_retrieval.competition import AMLRetrieval
from ctk_aml_retrieval.submission import read, write

IDS = np.array([3, 1, 2])


@settings(deadline=None, max_examples=40)
@given(values=arrays(np.float32, (3, 4), elements=st.floats(-(2.0**62), 2.0**62, width=32, allow_subnormal=False)))
def test_every_digit_comes_back(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("s") / "submission.csv"
    write(path, IDS, values)
    again = read(path, IDS, 4)
    assert np.array_equal(again.ids, IDS)
    assert np.array_equal(again.values, values)


def test_the_largest_embedding_that_is_valid_can_be_scored(tmp_path):
    largest = np.array([[np.sqrt(np.finfo(np.float32).max) * 0.999, 0], [0, 1e-38], [0, 0]], np.float32)
    write(tmp_path / "s.csv", IDS, largest)
    gallery = Gallery(largest, np.array(["a", "b", "c"]))
    truth = Samples(IDS, {}, target=np.arange(3), gallery=gallery)
    assert np.isfinite(list(AMLRetrieval().score(read(tmp_path / "s.csv", IDS).values, truth).values())).all()


def test_the_file_is_in_the_competitions_format(tmp_path):
    write(tmp_path / "s.csv", IDS, np.array([[0.5, -1], [2, 0.1], [1e-8, 3]], np.float32))
    assert (tmp_path / "s.csv").read_text().splitlines()[:2] == ["id,embedding", '3,"[0.5, -1.0]"']
    rows = list(csv.reader((tmp_path / "s.csv").open()))
    assert json.loads(rows[2][1]) == [2.0, float(np.float32(0.1))]


def test_rows_may_come_in_any_order(tmp_path):
    write(tmp_path / "s.csv", IDS, np.array([[3.0], [1.0], [2.0]], np.float32))
    assert read(tmp_path / "s.csv", np.array([1, 2, 3])).values.ravel().tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (['1,"[1, 2]"', '2,"[1, 2]"'], "column id: 1 test ids are missing: 3"),
        (['1,"[1, 2]"', '2,"[1, 2]"', '3,"[1, 2]"', '1,"[1, 2]"'], "row 4, column id: 1 is in row 1 already"),
        (['1,"[1, 2]"', '2,"[1, 2]"', '4,"[1, 2]"'], "row 3, column id: 4 is no test id"),
        (['1,"[1, 2]"', '2,"[1, 2, 3]"', '3,"[1, 2]"'], "row 2, column embedding (id 2): 3 numbers where 2 belong"),
        (['1,"[1, NaN]"', '2,"[1, 2]"', '3,"[1, 2]"'], "row 1, column embedding (id 1): number 2 is nan"),
        (['1,"[1, 2]"', '2,"[1e99, 2]"', '3,"[1, 2]"'], "row 2, column embedding (id 2): number 1 is inf"),
        ([f'1,"[1, 1{400 * "0"}]"', '2,"[1, 2]"', '3,"[1, 2]"'], "row 1, column embedding (id 1): number 2 is inf"),
        ([f'1,"[1, -{5000 * "9"}]"', '2,"[1, 2]"', '3,"[1, 2]"'], "row 1, column embedding (id 1): number 2 is -inf"),
        (['1,"[3e38, 3e38]"', '2,"[1, 2]"', '3,"[1, 2]"'], "(id 1): its length, squared, is beyond float32"),
        (['1,"1, 2"', '2,"[1, 2]"', '3,"[1, 2]"'], "row 1, column embedding (id 1): '1, 2' is not a list"),
        (["1,5", '2,"[1, 2]"', '3,"[1, 2]"'], "row 1, column embedding (id 1): '5' is not a list"),
        (['1,"[[1, 2]]"', '2,"[1, 2]"', '3,"[1, 2]"'], "is not a flat list of numbers"),
        (['1,"[]"', '2,"[1, 2]"', '3,"[1, 2]"'], "(id 1): the list is empty"),
        (['1,"[true, 2]"', '2,"[1, 2]"', '3,"[1, 2]"'], "is not a list of numbers"),
        (['1,"[""a"", 2]"', '2,"[1, 2]"', '3,"[1, 2]"'], "is not a list of numbers"),
        (['10_023,"[1, 2]"'], "row 1, column id: '10_023' is no whole number"),
        (['18446744073709551615,"[1, 2]"'], "row 1, column id: '18446744073709551615' is no whole number within int64"),
        (['x,"[1, 2]"', '2,"[1, 2]"', '3,"[1, 2]"'], "row 1, column id: 'x' is no whole number"),
        (["1,[1, 2]"], "row 1: 3 cells where 2 belong"),
        ([], "3 test ids are missing"),
    ],
)
def test_the_first_things_wrong_are_named(tmp_path, rows, problem):
    path = tmp_path / "s.csv"
    path.write_text("\n".join(["id,embedding", *rows]) + "\n")
    with pytest.raises(SubmissionError) as caught:
        read(path, IDS, 2)
    assert problem in caught.value.problem
    assert caught.value.exit_code == 1


def test_several_things_wrong_are_named_together(tmp_path):
    (tmp_path / "s.csv").write_text('id,embedding\n1,"[1]"\n2,"[NaN, 1]"\n')
    with pytest.raises(SubmissionError) as caught:
        read(tmp_path / "s.csv", IDS, 2)
    for part in ("row 1", "row 2", "missing: 3"):
        assert part in caught.value.problem


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a,b\n", "the columns are a,b"),
        (b"", "the columns are missing"),
        (b"\xff\xfe\x00", "is in UTF-16, and UTF-8 is needed"),
    ],
)
def test_a_file_that_is_no_submission_is_refused(tmp_path, content, problem):
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(SubmissionError, match=problem):
        read(tmp_path / "s.csv", IDS, 2)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(SubmissionError, match="there is no such file"):
        read(tmp_path / "nothing.csv", IDS, 2)
