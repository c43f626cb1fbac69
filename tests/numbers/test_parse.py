"""Plain rows become exactly the numbers that float() has; whatever is not plain is left to others."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ctk.data import plain_csv as numbers

needs_compiled = pytest.mark.skipif(numbers.native is None, reason=f"ctk._numbers: {numbers.problem}")

DIGITS = st.text("0123456789", min_size=1, max_size=24)
SIGN = st.sampled_from(["", "-"])
EXPONENT = st.one_of(
    st.just(""),
    st.builds("{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "-", "+"]), st.integers(0, 330).map(str)),
    st.builds("e{}{:02d}".format, st.sampled_from("-+"), st.integers(0, 99)),
)
WRITTEN = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.builds("{:.17e}".format, st.floats(allow_nan=False, allow_infinity=False)),
    st.builds("{:.12f}".format, st.floats(-1e6, 1e6)),
    st.builds("{}{}{}".format, SIGN, DIGITS, EXPONENT),
    st.builds("{}{}.{}{}".format, SIGN, DIGITS, DIGITS, EXPONENT),
    st.builds("0.{}{}".format, st.sampled_from(["", "0", "0000"]), st.text("0123456789", min_size=16, max_size=24)),
)
"""Numbers as programs write them, and decimals of every length and form."""
FINITE = WRITTEN.filter(lambda cell: np.isfinite(float(cell)) and not _vanishes(cell))


def _vanishes(cell: str) -> bool:
    """Too little for the least double, which is not plain."""
    return float(cell) == 0 and any(digit in cell.lower().partition("e")[0] for digit in "123456789")


def table(rows: list[list[str]], prefix: str = "row_", end: str = "\n") -> bytes:
    return "".join(",".join([f"{prefix}{number}", *cells]) + end for number, cells in enumerate(rows)).encode()


def bits(values) -> np.ndarray:
    """So that -0.0 is not 0.0."""
    return np.asarray(values, np.float64).view(np.int64)


TABLES = st.integers(1, 8).flatmap(
    lambda columns: st.lists(st.lists(FINITE, min_size=columns, max_size=columns), min_size=1, max_size=12)
)


@needs_compiled
@settings(deadline=None, max_examples=300)
@given(rows=TABLES, end=st.sampled_from(["\n", "\r\n"]), threads=st.integers(0, 3))
@example(rows=[["0"] * 40, ["-0.0"] * 40, ["1e-05"] * 40], end="\n", threads=1)
def test_every_number_is_the_nearest_double(rows, end, threads):
    ids, values = numbers.parse(table(rows, end=end), len(rows[0]), "row_", threads)
    assert (ids.dtype, values.dtype) == (np.int64, np.float64)
    np.testing.assert_array_equal(ids, np.arange(len(rows)))
    np.testing.assert_array_equal(bits(values), bits([[float(cell) for cell in row] for row in rows]))


def neighbours(number: float) -> list[str]:
    """The exact middle between a double and the next, to all its digits and cut off, and a little beside it."""
    from decimal import Decimal, localcontext

    with localcontext() as context:
        context.prec = 800
        middle = (Decimal(number) + Decimal(float(np.nextafter(number, np.inf)))) / 2
        cells = [f"{middle:f}", f"{middle:e}"]
    for digits in (17, 18, 19):
        with localcontext() as context:
            context.prec = digits
            cells += [f"{+middle:e}", f"{middle.next_plus(context):e}", f"{middle.next_minus(context):e}"]
    return [cell if "." in cell else cell.replace("e", ".0e") if "e" in cell else cell + ".0" for cell in cells]


@needs_compiled
@settings(deadline=None, max_examples=300)
@given(number=st.one_of(st.floats(1e-307, 1e307), st.floats(2.0**44, 2.0**56), st.integers(2**53, 2**62).map(float)))
@example(number=9007199254740992.0)
@example(number=2.2250738585072014e-308)
def test_numbers_half_way_between_two_doubles_go_to_the_even_one(number):
    rows = [["1.5", cell, "1.5"] for cell in neighbours(number)]
    _, values = numbers.parse(table(rows), 3, "row_")
    np.testing.assert_array_equal(bits(values), bits([[float(cell) for cell in row] for row in rows]))


@needs_compiled
def test_the_least_and_the_greatest_power_of_ten_with_numbers_half_way():
    rows = [["1.5", "5.629499534213120625e+14", "0.1e+24"], ["1.5", "5.629499534213121875e+14", "0.3e+24"]]
    _, values = numbers.parse(table(rows), 3, "row_")
    np.testing.assert_array_equal(bits(values), bits([[float(cell) for cell in row] for row in rows]))


@needs_compiled
def test_every_power_of_ten_is_met():
    random = np.random.default_rng(0)
    fractions = [str(random.integers(10 ** (size - 1), 10**size)) for size in range(1, 19) for _ in range(3)]
    cells = [f"{fraction[0]}.{fraction}e{power:+03d}" for power in range(-307, 308) for fraction in fractions]
    _, values = numbers.parse(table([["1.0", cell, "1.0"] for cell in cells]), 3, "row_")
    np.testing.assert_array_equal(bits(values[:, 1]), bits([float(cell) for cell in cells]))


@needs_compiled
def test_ids_have_up_to_eighteen_digits():
    names = ["0", "7", "999999999999999999", "120"]
    ids, _ = numbers.parse("".join(f"train_{name},1\n" for name in names).encode(), 1, "train_")
    np.testing.assert_array_equal(ids, [int(name) for name in names])
    ids, _ = numbers.parse(b"5,1\n", 1, "")
    np.testing.assert_array_equal(ids, [5])


GOOD = b"row_1,0.25,-7.5e-07\n"
NOT_PLAIN = {
    "nothing": b"",
    "no line end": GOOD + b"row_2,0.25,-7.5e-07",
    "a blank line": GOOD + b"\n" + GOOD,
    "a blank line with a return": GOOD + b"\r\n" + GOOD,
    "a missing cell": GOOD + b"row_2,0.25\n" + GOOD,
    "one cell too many": GOOD + b"row_2,0.25,1.5,2.5\n" + GOOD,
    "an empty cell": GOOD + b"row_2,,1.5\n",
    "an empty last cell": GOOD + b"row_2,0.25,\n",
    "an empty last cell before a return": GOOD + b"row_2,0.25,\r\n",
    "a return within a line": GOOD + b"row_2,0.25\r,1.5\n",
    "two returns": GOOD + b"row_2,0.25,1.5\r\r\n",
    "another prefix": GOOD + b"raw_2,0.25,1.5\n",
    "no id": GOOD + b",0.25,1.5\n",
    "no number of the id": GOOD + b"row_,0.25,1.5\n",
    "an id with a zero in front": GOOD + b"row_02,0.25,1.5\n",
    "an id with a sign": GOOD + b"row_-2,0.25,1.5\n",
    "an id with letters": GOOD + b"row_2a,0.25,1.5\n",
    "a long id": GOOD + b"row_1000000000000000000,0.25,1.5\n",
    "an id in quotes": GOOD + b'"row_2",0.25,1.5\n',
}
CELLS = [
    *("+1.5", " 1.5", "1.5 ", '"1.5"', "1,5", "1_000.5", "0x1p3", "x", "1.5x", "1.5e", "1.5e+", "e-05", "-", ".", "-."),
    *("--1.5", "1..5", "1.5.5", "1.5e-0x", "1.5e--5", "1.5e-5.0", "1.5:", "1:5.0", "1/2.0", "1.5\0", "1.\xff5", "\x00"),
    *("nan", "NaN", "-nan", "inf", "-Infinity", "1e999", "1.5e400", "-1.5e+310", "1.797693134862315900e308", "NA"),
    *("1.5e-400", "0.1e+0a", "1234567a.5", "1.1234567a", "1.12345678a", "1.1234567890123456a", "12345678.5a"),
]


@needs_compiled
@pytest.mark.parametrize("what", NOT_PLAIN)
def test_a_row_that_is_not_plain_is_left_to_others(what):
    assert numbers.parse(GOOD * 9, 2, "row_") is not None
    assert numbers.parse(NOT_PLAIN[what], 2, "row_") is None


@needs_compiled
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("around", ["1.5", "1.2345678901234567e-05"])
def test_a_cell_that_is_not_plain_is_left_to_others(cell, around):
    for place in range(3):
        rows = [[around] * 3 for _ in range(3)]
        rows[1][place] = cell
        assert numbers.parse(table(rows), 3, "row_") is None


@needs_compiled
@settings(deadline=None, max_examples=500)
@given(text=st.text("01259.-+eE,\n\r x_\0ÿ", max_size=60), columns=st.integers(1, 4), at=st.integers(0, 40))
def test_nothing_is_plain_that_a_plain_reader_would_not_take(text, columns, at):
    good = "0,1.5,-2.25e-05,3,4.5"
    good = ",".join(good.split(",")[: columns + 1]) + "\n"
    content = (good * 2)[:at] + text + (good * 2)[at:]
    parsed = numbers.parse(content.encode("latin1"), columns, "")
    lines = content.replace("\r\n", "\n").split("\n")
    if parsed is not None:
        assert lines.pop() == ""
        cells = [line.split(",") for line in lines]
        assert [row[0] for row in cells] == [str(number) for number in parsed[0]]
        np.testing.assert_array_equal(bits(parsed[1]), bits([[float(cell) for cell in row[1:]] for row in cells]))
        assert not set(content) & set(" _x\0ÿ")


@needs_compiled
def test_threads_and_pieces_change_nothing():
    random = np.random.default_rng(0)
    values = random.standard_normal((3000, 40)) * 10.0 ** random.uniform(-30, 20, 40)  # 2.5 MB, ten pieces
    block = table([list(map(repr, row)) for row in values.tolist()])
    for threads in (0, 1, 2, 7):
        ids, parsed = numbers.parse(block, 40, "row_", threads)
        np.testing.assert_array_equal(ids, np.arange(3000))
        np.testing.assert_array_equal(parsed, values)
    bad = bytearray(block)
    bad[bad.rindex(b",") + 1] = ord("x")
    assert numbers.parse(bad, 40, "row_", 2) is None


@needs_compiled
def test_nothing_outside_the_block_is_looked_at():
    # What is beside it would go on with its first or last number.
    for rows in ([["1.5"]], [["12"]], [["-0.25e-05", "7.5"]], [["1.2345678901234567e-05"] * 5] * 3):
        block = table(rows, prefix="")
        around = bytearray(b"9" * 64 + block + b"9" * 64)
        _, values = numbers.parse(memoryview(around)[64 : 64 + len(block)], len(rows[0]), "")
        np.testing.assert_array_equal(values, [[float(cell) for cell in row] for row in rows])


@needs_compiled
def test_lines_that_are_no_rows_ask_for_no_memory():
    assert numbers.parse(b"\n" * 1000, 1 << 40, "") is None
    with pytest.raises(ValueError, match="at least"):
        numbers.parse(b"1\n", 0, "")


def test_without_compiled_code_nothing_is_plain():
    code = "from ctk import numbers; print(numbers.parse(b'1,2\\n', 1, ''), numbers.problem)"
    environment = {**os.environ, "CTK_NATIVE": "0"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "None CTK_NATIVE=0 is set\n"
