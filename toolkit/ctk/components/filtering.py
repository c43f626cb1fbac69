"""What filters share: cutting off the worst samples, and the files that say what was decided."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from ctk.files import atomic
from ctk.samples import Array, Samples

DropFraction = Annotated[float, Field(ge=0, lt=1)]
"""Annotation of an option ``drop_fraction``, so that a config with 10 instead of 0.10 is refused."""
Count = Annotated[int, Field(ge=1)]
"""Annotation of an option that counts something there must be at least one of."""


def keep_best(scores: Array, drop_fraction: float) -> Array:
    """(N,) bool: all but the lowest ``drop_fraction`` of (N,) scores, exactly round(N * (1 - drop_fraction)) of them.

    The rule of the AML challenge's filter: keep what lies above the quantile, then correct the count where scores are
    equal. Among equals the first rows stay. Python's ``round`` goes to the even number at halves.
    Raises ValueError for a fraction outside [0, 1), scores of another shape, and the first that is not finite.
    """
    scores = np.asarray(scores)
    if not 0 <= drop_fraction < 1:
        raise ValueError(f"drop_fraction is {drop_fraction}; it must be at least 0 and less than 1")
    if scores.ndim != 1:
        raise ValueError(f"scores must be (N,), not {scores.shape}")
    if (bad := np.flatnonzero(~np.isfinite(scores))).size:
        raise ValueError(f"the score of row {bad[0]:,} is {scores[bad[0]]}")
    # The best n by a stable sort are the same set as quantile and correction give, ties included.
    best = np.argsort(-scores.astype(np.float64), kind="stable")
    keep = np.zeros(len(scores), dtype=bool)
    keep[best[: round(len(scores) * (1 - drop_fraction))]] = True
    return keep


def write_scores(path: Path, scores: Array) -> None:
    """Write (N,) scores as a float32 .npy, atomically."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.asarray(scores, dtype=np.float32), allow_pickle=False)


def write_result(folder: Path, samples: Samples, scores: Array, keep: Array) -> None:
    """Write what a filter decided: ``kept.csv``, ``dropped.csv`` and ``scores.npy``, each atomically.

    samples, scores, keep  N samples, (N,) scores, (N,) bool
    *.csv       columns id, score, target (the gallery's name of it, for retrieval), then the notes; lowest score first,
                so that each file begins with what there is most reason to look at
    scores.npy  (N,) float32 in sample order
    """
    scores, keep = np.asarray(scores, dtype=np.float32), np.asarray(keep, dtype=bool)
    if scores.shape != (len(samples),) or keep.shape != scores.shape:
        raise ValueError(f"{len(samples)} samples, scores {scores.shape} and keep {keep.shape} do not go together")
    columns = {"id": samples.ids, "score": scores}
    if samples.gallery is not None and samples.target is not None:
        columns["target"] = samples.gallery.names[samples.target]
    table = pd.DataFrame(columns | {name: values for name, values in samples.notes.items() if name not in columns})
    for name, rows in (("kept.csv", keep), ("dropped.csv", ~keep)):
        with atomic(folder / name) as temporary:
            table[rows].sort_values("score", kind="stable").to_csv(temporary, index=False)
    write_scores(folder / "scores.npy", scores)
