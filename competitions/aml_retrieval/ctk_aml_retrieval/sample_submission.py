"""The sample submission: what the columns of a submission are called, and which ids it has in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ctk.errors import DataError
from ctk.samples import Samples
from ctk_aml_retrieval.submission import read_ids


def as_asked(test: Samples, path: Path) -> Samples:
    """The test in the order of a sample submission, whose header is its constant "header". Raises DataError."""
    header, ids = read_ids(path)
    for these, others, what in ((ids, test.ids, "no id of the test set"), (test.ids, ids, "missing")):
        if len(alone := np.flatnonzero(~np.isin(these, others))):
            raise DataError(
                f"{path}, column {header[0]}: {these[alone[0]]} is {what}, as are {len(alone) - 1:,} more.",
                "Use the test set and the sample submission that belong together.",
            )
    order = np.argsort(test.ids, kind="stable")
    asked = test.take(order[np.searchsorted(test.ids, ids, sorter=order)])
    return replace(asked, constants={**test.constants, "header": np.array(header)})
