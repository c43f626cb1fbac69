"""An id is a whole number that an int64 holds, however many digits it is written with."""

import pytest

from ctk.data import parse_id


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("0000000000000000000000007", 7),
        (" -12 ", -12),
        (str(2**63 - 1), 2**63 - 1),
        (str(-(2**63)), -(2**63)),
        (str(2**63), None),
        (str(-(2**63) - 1), None),
        ("9" * 5000, None),
        ("10_023", None),
        ("٣", None),
        ("1.0", None),
        ("", None),
    ],
)
def test_an_id_is_taken_by_its_value_and_refused_beyond_int64(text, id):
    assert parse_id(text) == id
