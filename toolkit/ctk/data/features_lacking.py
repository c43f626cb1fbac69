"""Features that some samples have and others of the same competition do not."""

from __future__ import annotations

import numpy as np

from ctk.samples import Array, Samples


def features_lacking(samples: Samples, beside: Samples) -> list[str]:
    """Name the features (N,) of which no sample has a value, NaN or empty text all, and some of the others have one."""
    return [
        name
        for name, values in samples.features.items()
        if values.ndim == 1 and len(values) and _is_unknown(values)
        if name in beside.features and not _is_unknown(beside.features[name])
    ]


def _is_unknown(values: Array) -> bool:
    if values.dtype.kind == "U":
        return not np.char.str_len(values).any()
    return values.dtype.kind == "f" and bool(np.isnan(values).all())
