"""What dropping rows with bad cells leaves."""

from __future__ import annotations

from ctk.errors import DataError
from ctk_leap_climsim.reading.rows import RowsWriter


def check_left(train: RowsWriter) -> None:
    """Raise DataError where rows were dropped and none is left to train on, or to validate on: a fit would fail."""
    if not train.place.bad_rows:
        return
    for what, left in (("train", train.inputs.count), ("validate", train.store.rows - train.inputs.count)):
        if not left:
            raise DataError(
                f"No row to {what} on is left: all of them are among the {train.place.bad_rows:,} with bad cells, the "
                f"first in {train.place.first_bad}.",
                "Mend the files: so many bad cells are a mistake in how they were made.",
            )
