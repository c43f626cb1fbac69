"""The submission file: the 18 targets without an id, a row for each of test_features.csv, in its order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ctk.contract import Submission
from ctk.data import TextTable
from ctk.errors import SubmissionError
from ctk.files import atomic
from ctk.samples import Array, Samples
from ctk_atmacup_18.columns import TARGETS, rows_of_scene
from ctk_atmacup_18.reading import tables


def header_of(test: Samples) -> list[str]:
    """The columns in the order of the sample submission, where there was one."""
    asked = test.constants.get("submission")
    return list(TARGETS) if asked is None else [str(name) for name in asked]


def write(path: Path, test: Samples, prediction: Array) -> None:
    """Write (N, 18) predictions in the test's order with all their digits, atomically."""
    header = header_of(test)
    columns = np.asarray(prediction, np.float32)[:, [TARGETS.index(name) for name in header]]
    lines = [",".join(header), *(",".join(map(str, row)) for row in columns)]
    with atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(path: Path, test: Samples) -> Submission:
    """Read and check a submission; values (N, 18) float32 in the targets' order, rows in the test's.

    Raises SubmissionError naming row and column.
    """
    header, error = header_of(test), SubmissionError
    table = TextTable.read(path, header, error=error)
    found = table.columns
    if found != header:
        wrong = next((name for name in found if name not in header), "")
        named = f"has a column '{wrong}'" if wrong else "has its columns in another order"
        raise error(f"{path}: {named}.", f"They are {', '.join(header)}, and no id: rows go by their order.")
    if len(table) != len(test):
        raise error(
            f"{path}: has {len(table):,} rows, and {len(test):,} are asked for.",
            "A row for each of test_features.csv, in its order: nothing else says which row is whose.",
        )
    values = np.stack([table.numbers(name) for name in TARGETS], axis=1)
    return Submission(test.ids, values.astype(np.float32))


def read_truth(path: Path) -> Samples:
    """Ids, targets (N, 18) and the rows of their scenes, in the order in which submissions are. Raises DataError."""
    truth = tables.read_truth(path)
    _, scene = np.unique([moment.scene for moment in truth.moments], return_inverse=True)
    groups = {"scene": scene.astype(np.int64), "scene-rows": rows_of_scene(scene)}
    return Samples(ids=truth.ids, features={}, target=truth.target, groups=groups)
