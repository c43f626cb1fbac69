"""Writing a submission, and reading it back."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from ctk.contract import Competition
from ctk.errors import CtkError
from ctk.files import write_json
from ctk.samples import Array, Data

ROWS = 10_000
"""Rows of a submission that are compared at a time."""
TRIED = 100
"""Rows of the submission that is tried before anything is fitted."""


def try_submission(path: Path, competition: Competition, data: Data) -> None:
    """Raise CtkError where targets of the training samples are not read back from a submission as they were written.

    After hours of fitting would be late. What a competition says against so small a submission does not count.
    """
    rows = np.arange(min(TRIED, len(data.test), len(data.train)))
    if not len(rows):
        return
    fine = True
    with suppress(CtkError):
        test, target = data.test.take(rows), data.train.take(rows).target_values()
        target = target if data.train.predicts_text else target.reshape(len(rows), -1)
        prediction = competition.postprocess(target, test, {})
        competition.write_submission(path, test, prediction)
        read = competition.read_submission(path, test, width_of(prediction))
        fine = same_values(read.values, competition.submitted(prediction, test))
    path.unlink(missing_ok=True)
    if not fine:
        raise _not_read(competition)


def write_submission(path: Path, competition: Competition, prediction: Array, data: Data) -> None:
    """Write the submission, read it back as a stranger would, and say so in submission.json."""
    competition.write_submission(path, data.test, prediction)
    read = competition.read_submission(path, data.test, width_of(prediction))
    if not same_values(read.values, competition.submitted(prediction, data.test)):
        raise _not_read(competition)
    facts = {"valid": True, "rows": len(read.ids), "bytes": path.stat().st_size}
    write_json(path.with_name("submission.json"), facts)


def width_of(prediction: Array) -> int:
    """The length of a prediction (N, D); a text (N,) is one."""
    return int(prediction.shape[-1]) if prediction.ndim > 1 else 1


def same_values(read: Array, expected: Array) -> bool:
    """Whether what was read of a submission is what was written; where that was scaled, the last bit may differ."""
    if read.shape != expected.shape:
        return False
    if not {read.dtype.kind, expected.dtype.kind} <= set("biuf"):
        return bool(np.array_equal(read, expected))
    parts = (slice(start, start + ROWS) for start in range(0, len(read), ROWS))
    return all(np.allclose(read[part], expected[part], rtol=1e-12, atol=0) for part in parts)


def _not_read(competition: Competition) -> CtkError:
    return CtkError(
        f"{competition.id}: what is read from a submission is not what was predicted.",
        "This is a defect of the competition's plugin. Where it writes something made of the numbers, such as the "
        "name of the likeliest class, its method `submitted` returns that.",
    )
