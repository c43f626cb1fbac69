"""Writing a submission, and reading it back."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ctk.contract import Competition
from ctk.errors import CtkError
from ctk.files import write_json
from ctk.samples import Array, Data

ROWS = 10_000
"""Rows of a submission that are compared at a time."""


def write_submission(path: Path, competition: Competition, prediction: Array, data: Data) -> None:
    """Write the submission, read it back as a stranger would, and say so in submission.json."""
    competition.write_submission(path, data.test, prediction)
    read = competition.read_submission(path, data.test, prediction.shape[-1])
    # Where a competition scales what it submits, the last bit may differ.
    parts = (slice(start, start + ROWS) for start in range(0, len(prediction), ROWS))
    if not all(np.allclose(read.values[part], prediction[part], rtol=1e-12, atol=0) for part in parts):
        raise CtkError(
            f"{path}: what was written is not what was predicted.", "This is a defect of the competition's plugin."
        )
    facts = {"valid": True, "rows": len(read.ids), "bytes": path.stat().st_size}
    write_json(path.with_name("submission.json"), facts)
