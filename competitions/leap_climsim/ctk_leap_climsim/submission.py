"""The submission file: ``sample_id`` and the 368 targets times their weights, as Parquet or CSV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ctk.contract import Submission
from ctk.data import allocate_scratch
from ctk.errors import DataError, SubmissionError
from ctk.files import atomic
from ctk.samples import Array, Samples
from ctk_leap_climsim.columns import TARGETS
from ctk_leap_climsim.postprocess import weights_of
from ctk_leap_climsim.tables import open_table
from ctk_leap_climsim.tables.order import Order
from ctk_leap_climsim.tables.table import ID, Table

PREFIX = "test_"
ROWS = 16384
"""Rows of a Parquet row group, and of what is written at a time: 48 MB."""
LARGEST = 1e130
"""What may be scored: times a weight (1e15 at most), squared and summed over rows, it still is a float64."""
SCHEMA = pa.schema([(ID, pa.string()), *((name, pa.float64()) for name in TARGETS)])


def write(path: Path, test: Samples, prediction: Array) -> None:
    """Write (N, 368) predictions in raw units times the weights, float64 with all digits.

    Rows are in the order of the sample submission, or without one in the test's.
    """
    weights, order = weights_of(test), _order_asked(test)
    with atomic(path) as temporary:
        if path.suffix.lower() == ".csv":
            with temporary.open("wb") as file:
                file.write(",".join(SCHEMA.names).encode() + b"\n")
                for batch in _batches(test.ids, prediction, weights, order):
                    pa.csv.write_csv(batch, file, pa.csv.WriteOptions(include_header=False, quoting_style="none"))
        else:
            # A dictionary of float64 values that all differ costs time and saves nothing.
            with pa.parquet.ParquetWriter(temporary, SCHEMA, use_dictionary=False) as writer:
                for batch in _batches(test.ids, prediction, weights, order):
                    writer.write_batch(batch)


def read(path: Path, test: Samples) -> Submission:
    """Read and check a submission; values (N, 368) float64 in raw units, memory-mapped, rows in the test's order.

    Values are divided by the weights they were multiplied with; what has weight 0 is 0. Raises SubmissionError.
    """
    table = open_submission(path)
    values = by_id(table, test.ids, weights_of(test))
    return Submission(test.ids, values)


def read_truth(path: Path) -> Samples:
    """Ids and targets (N, 368) float64, memory-mapped, of a table like a submission; Kaggle's ``Usage`` is not read.

    Values are taken as they are: a submission's, weights and all. Raises DataError.
    """
    ids = np.concatenate([np.empty(0, np.int64), *(block.ids for block in open_truth(path).blocks())])
    check_truth_ids(path, ids)
    return Samples(ids=ids, features={}, target=by_id(open_truth(path), ids, np.ones(len(TARGETS))))


def open_submission(path: Path) -> Table:
    """A submission as a table; columns must be in order, since the organisers compare them by position."""
    return open_table(path, TARGETS, prefix=PREFIX, largest=LARGEST, ordered=True, error=SubmissionError)


def open_truth(path: Path) -> Table:
    """A truth as a table: columns in any order, with or without ``Usage`` (public or private rows)."""
    return open_table(path, TARGETS, prefix=PREFIX, largest=LARGEST, ignore=["Usage"], error=DataError)


def check_truth_ids(path: Path, ids: Array) -> None:
    """Raise DataError for a truth without rows, or with an id that is there twice."""
    if not len(ids):
        raise DataError(f"{path}: there are no rows.", "A truth has a row for each test id.")
    unique, counts = np.unique(ids, return_counts=True)
    if len(unique) < len(ids):
        id = unique[counts.argmax()]
        raise DataError(f"{path}, column {ID}: {PREFIX}{id} is there {counts.max()} times.", "Ids are unique.")


def by_id(table: Table, ids: Array, weights: Array) -> Array:
    """(N, C) float64 memory-mapped values of a table divided by (C,) weights, rows in the order of (N,) ids.

    Raises the table's error for missing, unknown and repeated ids.
    """
    order = Order(table, ids)
    values = allocate_scratch((len(ids), len(weights)), np.float64, f"Reading {table.path.name}")
    zero = weights == 0
    divisor = np.where(zero, 1.0, weights)
    for block in table.blocks():
        rows, places = order.places(block)
        part = block.values[rows] / divisor
        part[:, zero] = 0.0
        values[places] = part
    order.check()
    return values


def _order_asked(test: Samples) -> Array:
    """(N,) rows of the test in the order of the ids that the sample submission asks for, which are the test's."""
    rows = np.arange(len(test))
    asked = test.constants.get("asked", test.ids)
    if len(asked) != len(test) or np.array_equal(asked, test.ids):  # other lengths: a part of the test
        return rows
    sorting = np.argsort(test.ids, kind="stable")
    return sorting[np.searchsorted(test.ids, asked, sorter=sorting)]


def _batches(ids: Array, prediction: Array, weights: Array, order: Array) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(ids), ROWS):
        of = order[start : start + ROWS]
        columns = np.multiply(prediction[of], weights, dtype=np.float64).T.copy()
        names = pa.array([f"{PREFIX}{id}" for id in ids[of].tolist()], pa.string())
        yield pa.record_batch([names, *(pa.array(column) for column in columns)], schema=SCHEMA)
