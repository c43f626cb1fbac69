"""A file with the answers: ids and targets, as they stand in the train file or in a submission."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ctk.errors import DataError, SubmissionError
from ctk.samples import Samples
from ctk_tables import submission
from ctk_tables.description import TableDescription, TableFile
from ctk_tables.reading import read_frame, sniff
from ctk_tables.reading.targets import make_targets, target_names


def read_truth(path: Path, description: TableDescription) -> Samples:
    """Read test samples with their targets and nothing else. Raises DataError naming file, row and column."""
    import pyarrow as pa

    if not path.is_file():
        raise DataError(f"{path}: there is no such file.", "A truth has the ids of the test and its targets.")
    file = TableFile(path=path.name, dialect=sniff(path.parent, path.name))
    frame = read_frame(path.parent, file)
    names = [name for name in (description.id, description.ids_in) if name in frame]
    if description.id is not None and not names:
        raise DataError(f"{path}: has no column '{description.id}', which names the rows.")
    ids = frame[names[0]].to_numpy().astype(str) if names else np.arange(len(frame))
    if all(name in frame for name in description.targets):
        target, there = make_targets(pa.Table.from_pandas(frame, preserve_index=False), description, file, path)
        if not there.all():
            raise DataError(f"{path}, row {there.argmin() + 1:,}: has no target.", "A truth knows each row's.")
    else:
        try:
            target = submission.read_values(path, description)
        except SubmissionError as error:
            raise DataError(error.problem, error.help) from error
    return Samples(ids=ids, features={}, target=target, targets=target_names(description))
