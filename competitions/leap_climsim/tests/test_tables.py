"""Tables are read in blocks, and whatever is wrong with one is named: file, line or row, and column."""

from __future__ import annotations

import threading
from decimal import Decimal, localcontext

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctk.errors import DataError, SubmissionError
from ctk_leap_climsim.tables import csv_table, open_table, parquet_table
from ctk_leap_climsim.tables.table import BEGIN, Place

HEADER = b"sample_id,a,b\n"


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(csv_table, "BLOCK", 64)
    monkeypatch.setattr(parquet_table, "ROWS", 4)


def lines(count: int) -> bytes:
    return b"".join(b"test_%d,%d.25,-%de-40\n" % (number, number, number) for number in range(count))


@pytest.fixture
def table(tmp_path):
    """Open bytes as a CSV, or columns as a Parquet file."""

    def opened(content, **options):
        path = tmp_path / ("table.csv" if isinstance(content, bytes) else "table.parquet")
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            pa.parquet.write_table(pa.table(content), path)
        return open_table(path, ["a", "b"], **{"prefix": "test_", **options})

    return opened


def test_rows_come_in_blocks_with_ids_values_and_row_numbers(table):
    blocks = list(table(HEADER + lines(20)).blocks())
    assert len(blocks) > 3
    np.testing.assert_array_equal(np.concatenate([block.ids for block in blocks]), np.arange(20))
    np.testing.assert_array_equal(np.concatenate([block.rows for block in blocks]), np.arange(20))
    values = np.concatenate([block.values for block in blocks])
    np.testing.assert_array_equal(values, [[number + 0.25, float(f"-{number}e-40")] for number in range(20)])


def half_way(number: float) -> str:
    """The exact middle between a double and its neighbour nearer to zero."""
    with localcontext(prec=800):
        return f"{(Decimal(number) + Decimal(float(np.nextafter(number, 0)))) / 2:e}"


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DIGITS = st.text("0123456789", min_size=1, max_size=24)
EXPONENT = st.one_of(
    st.just(""), st.builds("{}{}".format, st.sampled_from(["e", "E", "e-", "e+"]), st.integers(0, 250))
)
WRITTEN = st.one_of(
    FLOATS.map(repr),
    FLOATS.map("{:.17e}".format),
    st.floats(1e-300, 1e300).map(half_way),
    st.builds("{}{}{}".format, st.sampled_from(["", "-", "+"]), DIGITS, EXPONENT),
    st.builds("{}{}.{}{}".format, st.sampled_from(["", "-", "+"]), DIGITS, DIGITS, EXPONENT),
)
"""Numbers as programs write them, and decimals of every length and form."""


@settings(deadline=None, max_examples=200)
@given(cells=st.lists(WRITTEN, min_size=1, max_size=40))
def test_every_number_is_the_nearest_float64_to_the_last_bit(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("exact") / "table.csv"
    path.write_text("sample_id,a\n" + "".join(f"test_{row},{cell}\n" for row, cell in enumerate(cells)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_table, "BLOCK", 1000)
        values = np.concatenate([block.values for block in open_table(path, ["a"], prefix="test_").blocks()])
    np.testing.assert_array_equal(values[:, 0].view(np.int64), np.array([float(cell) for cell in cells]).view(np.int64))


@pytest.mark.parametrize("cell", ["1.", ".5", "+1.5", " 1.5 ", '"1.5"', "1e-999", "1E+05", "007"])
def test_a_number_may_be_written_in_any_form(table, cell):
    (block,) = table(b"sample_id,a,b\ntest_0,1,%b\n" % cell.encode()).blocks()
    assert block.values[0, 1] == float(cell.strip('"'))


@pytest.mark.parametrize(
    "cell",
    [
        *("one", "-", ".", "1.5x", "1.5e", "e5", "--1", "1..5", "1_000", "0x1p3", "1d3", "1:5", "true", "\0"),
        '"1,5"',
        "٣",
    ],
)
def test_a_cell_that_is_no_number_is_named_with_its_line_and_column(table, cell):
    with pytest.raises(DataError, match=r"line 11, column b: .* is no number"):
        list(table(HEADER + lines(9) + b"test_9,1,%b\n" % cell.encode() + lines(9)).blocks())


def test_blocks_are_parsed_at_a_time_and_come_in_order(table, monkeypatch):
    monkeypatch.setattr(csv_table, "THREADS", 2)
    both, parse = threading.Barrier(2, timeout=60), csv_table.CsvTable._parse

    def meet(self, begin, end):
        if self._lines(begin, end).startswith((b"test_0,", b"test_3,")):  # the first two of them
            both.wait()
        return parse(self, begin, end)

    monkeypatch.setattr(csv_table.CsvTable, "_parse", meet)
    blocks = list(table(HEADER + lines(20)).blocks())
    assert [block.ids[0] for block in blocks[:2]] == [0, 3]
    np.testing.assert_array_equal(np.concatenate([block.ids for block in blocks]), np.arange(20))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("bad", [[], [7]])
def test_reading_goes_on_from_any_place_as_if_it_had_not_stopped(table, kind, bad):
    values = [float("nan") if row in bad else float(row) for row in range(18)]
    if kind == "csv":
        text = "".join(f"test_{row},{value},1\n" for row, value in enumerate(values))
        whole = table(HEADER + text.encode())
    else:
        whole = table({"sample_id": [f"test_{row}" for row in range(18)], "a": values, "b": [1.0] * 18})
    blocks = list(whole.blocks(bad="drop"))
    assert blocks[-1].after.offset == whole.size
    for number, block in enumerate(blocks):
        again = list(whole.blocks(Place(*list(block.after)), bad="drop"))
        assert [each.after for each in again] == [each.after for each in blocks[number + 1 :]]
        assert [each.ids.tolist() for each in again] == [each.ids.tolist() for each in blocks[number + 1 :]]


def test_columns_may_be_in_another_order_and_some_left_unread(table):
    (block,) = table(b"b,Usage,sample_id,a\n2,Public,test_1,1\n", ignore=["Usage"]).blocks()
    np.testing.assert_array_equal(block.values, [[1, 2]])
    wide = {"b": [2], "sample_id": ["test_1"], "Usage": ["Public"], "a": np.array([1], np.float32)}
    (block,) = table(wide, ignore=["Usage"]).blocks()
    np.testing.assert_array_equal(block.values, [[1, 2]])


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\r\n"])
def test_blank_lines_after_the_last_row_and_windows_line_ends_do_no_harm(table, end):
    blocks = list(
        table(b"\xef\xbb\xbf" + HEADER.replace(b"\n", b"\r\n") + lines(9).replace(b"\n", b"\r\n") + end).blocks()
    )
    assert sum(len(block.ids) for block in blocks) == 9


WRONG = {
    "a missing column": (b"sample_id,a\n", ["missing columns (1): b"]),
    "another column": (b"sample_id,a,b,c\n", ["do not belong there (1): c"]),
    "a column twice": (b"sample_id,a,b,b\n", ["column b", "twice"]),
    "no header's end": (b"sample_id,a", ["first line"]),
    "nothing": (b"", ["first line"]),
    "an id of another table": (HEADER + lines(9) + b"train_1,1,2\n", ["line 11", "sample_id", "train_1"]),
    "an id with a leading zero": (HEADER + b"test_01,1,2\n", ["line 2", "test_01"]),
    "an id with a sign": (HEADER + b"test_-1,1,2\n", ["line 2", "test_-1"]),
    "an id beyond int64": (HEADER + b"test_9223372036854775808,1,2\n", ["line 2", "sample_id"]),
    "an id of digits that Python takes": (HEADER + b"test_10_023,1,2\n", ["line 2", "sample_id"]),
    "an id without a number": (HEADER + b"test_,1,2\n", ["line 2", "sample_id"]),
    "a blank line": (HEADER + lines(3) + b"\n" + lines(3), ["line 5", "sample_id"]),
    "a word": (HEADER + lines(9) + b"test_9,1,one\n" + lines(9), ["line 11", "column b", "'one'", "9 rows"]),
    "a short row": (HEADER + lines(9) + b"test_9,1\n" + lines(9), ["line 11", "2 cells where 3"]),
    "a stray return": (HEADER + lines(9) + b"test_9,1\r,2\n" + lines(9), ["line 11", "carriage return", "9 rows"]),
    "a long row": (HEADER + lines(9) + b"test_9,1,2,3\n", ["line 11", "4 cells where 3"]),
    "half a row": (HEADER + lines(9) + b"test_9,1", ["line 11", "cut short", "9 rows"]),
}


def test_a_csv_without_a_last_line_end_is_whole_and_the_largest_id_is_one(table):
    (block,) = table(HEADER + b"test_9223372036854775807,1,2").blocks()
    assert (block.ids.tolist(), block.values.tolist()) == ([2**63 - 1], [[1, 2]])


@pytest.mark.parametrize("what", WRONG)
def test_a_damaged_csv_is_refused_by_name_and_place(table, what):
    content, named = WRONG[what]
    with pytest.raises(DataError) as refused:
        list(table(content).blocks())
    for part in ["table.csv", *named]:
        assert part in str(refused.value)


@pytest.mark.parametrize("cell", [b"", b"nan", b"inf", b"-Infinity", b"1e999", b"NA"])
def test_cells_that_are_no_finite_number_are_counted_to_the_end_and_the_first_is_named(table, cell):
    content = HEADER + lines(9) + b"test_9,1,%b\n" % cell + lines(9) + b"test_10,%b,%b\n" % (cell, cell) + lines(4)
    opened = table(content, error=SubmissionError)
    with pytest.raises(SubmissionError, match=r"3 of its cells .* \(rows with such cells: 2\).* line 11, column b"):
        list(opened.blocks())
    kept = list(opened.blocks(bad="drop"))
    assert sum(len(block.ids) for block in kept) == 9 + 9 + 4
    assert kept[-1].after[1:4] == (24, 3, 2)


def test_a_count_of_bad_cells_survives_a_stop_behind_them(table):
    opened = table(HEADER + b"test_0,nan,1\n" + lines(20))
    after = next(iter(opened.blocks())).after
    with pytest.raises(DataError, match="1 of its cells"):
        list(opened.blocks(after))


def test_order_is_asked_for_where_columns_are_compared_by_position(table):
    with pytest.raises(DataError, match="column 2 is b where a belongs"):
        table(b"sample_id,b,a\n", ordered=True)
    with pytest.raises(DataError, match="column 1 is a where sample_id belongs"):
        table(b"a,b,sample_id\n", ordered=True)


def test_a_parquet_table_names_rows_and_columns(table, tmp_path):
    good = {"sample_id": ["test_0", "test_1"], "a": [1.0, 2.0], "b": [1.0, None]}
    with pytest.raises(DataError, match=r"table.parquet: 1 of .* row 1, column b"):
        list(table(good).blocks())
    with pytest.raises(DataError, match=r"column a is (large_)?string, not numbers"):
        table({**good, "a": ["1", "2"]})
    with pytest.raises(DataError, match="sample_id is int64, not text"):
        table({**good, "sample_id": [0, 1]})
    with pytest.raises(DataError, match="row 1, column sample_id"):
        list(table({**good, "sample_id": ["test_0", None]}).blocks())
    path = tmp_path / "table.parquet"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="cut short"):
        open_table(path, ["a", "b"], prefix="test_")


def test_damage_inside_a_parquet_table_is_named(table, tmp_path):
    rows = 4000
    random = np.random.default_rng(0).standard_normal((2, rows))
    table({"sample_id": [f"test_{row}" for row in range(rows)], "a": random[0], "b": random[1]})
    path = tmp_path / "table.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 - 20000 : len(content) // 2 + 20000] = b"\xff" * 40000
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"table.parquet, row .* cannot be read"):
        list(open_table(path, ["a", "b"], prefix="test_").blocks())


def test_a_missing_file_and_another_suffix_are_said(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        open_table(tmp_path / "none.csv", ["a"], prefix="test_")
    with pytest.raises(DataError, match=r"'\.txt'"):
        open_table(tmp_path / "none.txt", ["a"], prefix="test_")
    assert Place() == BEGIN
