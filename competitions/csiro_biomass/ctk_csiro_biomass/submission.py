"""The submission file: a long table with a row for each image and target."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ctk.contract import Submission
from ctk.errors import SubmissionError
from ctk.files import atomic
from ctk.samples import Array, Samples
from ctk_csiro_biomass.columns import TARGETS
from ctk_csiro_biomass.reading import tables


def row_ids(test: Samples) -> list[str]:
    """Ids of the rows in the order of the sample submission, where there was one; else images and targets in order."""
    asked = test.constants.get("submission")
    if asked is not None:
        wanted = set(test.ids.tolist())
        return [id for id in asked.tolist() if id.rpartition("__")[0] in wanted]
    return [f"{image}__{target}" for image in test.ids.tolist() for target in TARGETS]


def write(path: Path, test: Samples, prediction: Array) -> None:
    """Write (N, 5) grams with all their digits, atomically."""
    values = np.asarray(prediction, np.float32)
    place = {image: row for row, image in enumerate(test.ids.tolist())}
    lines = [f"{tables.ID},{tables.TARGET}"]
    for id in row_ids(test):
        image, _, target = id.rpartition("__")
        lines.append(f"{id},{values[place[image], TARGETS.index(target)]}")
    with atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(path: Path, test: Samples) -> Submission:
    """Read and check a submission; values (N, 5) float32 in the targets' order, rows in the test's, in any in the file.

    Raises SubmissionError naming row and column.
    """
    found, values, order = tables.read_long(path, SubmissionError, grams=False)
    place = {image: row for row, image in enumerate(found.tolist())}
    wanted = set(test.ids.tolist())
    for row, id in enumerate(order.tolist()):
        if id.rpartition("__")[0] not in wanted:
            raise SubmissionError(f"{path}, row {row + 1:,}, column {tables.ID}: {id} is not asked for.")
    if missing := [image for image in test.ids.tolist() if image not in place]:
        raise SubmissionError(
            f"{path}: has no row of {missing[0]}__{TARGETS[0]}.",
            f"{len(test):,} images with {len(TARGETS)} rows each are asked for.",
        )
    return Submission(test.ids, values[[place[image] for image in test.ids.tolist()]])


def read_truth(path: Path) -> Samples:
    """Ids and grams (N, 5), in the order of the file. Raises DataError."""
    ids, grams = tables.read_truth(path)
    return Samples(ids=ids, features={}, target=grams)
