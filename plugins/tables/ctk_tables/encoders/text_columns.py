"""Which features of samples are text."""

from __future__ import annotations

from ctk.errors import UsageError
from ctk.samples import Samples


def text_columns(samples: Samples, asker: str) -> list[str]:
    """Name the features of one text a row. Raises UsageError, for whom it is asked, where there are none."""
    found = [name for name, values in samples.features.items() if values.dtype.kind == "U" and values.ndim == 1]
    if not found:
        raise UsageError(f"{asker} reads text, and no feature of the samples is one.", "Leave it out.")
    return found
