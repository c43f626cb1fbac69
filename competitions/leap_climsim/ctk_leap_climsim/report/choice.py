"""Which columns of air are shown: one that is predicted well, one as most are, one badly, from different times."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ctk.samples import Array
from ctk_leap_climsim.report.panel import columns as levels_of

if TYPE_CHECKING:
    from ctk.contract import Results

JUDGED = ("ptend_t", "ptend_q0001")
"""The tendencies by which columns of air are called good or bad."""
QUANTILES = {"Good": 0.9, "Middling": 0.5, "Bad": 0.1}
ROWS = 1024


class Chosen(NamedTuple):
    """A column of air: the row among the validation samples, and the R2 over its own levels."""

    kind: str
    row: int
    r2: float


def chosen(results: Results, scored: Array) -> list[Chosen]:
    """One row a kind, each from another third of the time; fewer where there are fewer rows.

    scored  (368,) bool: columns to judge by, of those of JUDGED

    Rows in which less happens than in most are left out, for a column of air at rest shows nothing. The same
    predictions give the same choice.
    """
    signal, error = _signal_and_error(results, scored)
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - error / signal
    usable = np.flatnonzero(np.isfinite(r2))
    if not len(usable):
        return []
    moving = usable[signal[usable] >= np.median(signal[usable])]
    time = results.valid.groups.get("time", np.arange(len(r2)))
    thirds = np.array_split(moving[np.argsort(time[moving], kind="stable")], len(QUANTILES))
    found = []
    for (kind, quantile), rows in zip(QUANTILES.items(), thirds, strict=True):
        if len(rows):
            row = rows[np.argsort(r2[rows], kind="stable")][round(quantile * (len(rows) - 1))]
            found.append(Chosen(kind, int(row), float(r2[row])))
    return found


def _signal_and_error(results: Results, scored: Array) -> tuple[Array, Array]:
    """(N,) sums over a row's columns of its squared distance from the mean and from the blend, in deviations."""
    valid = results.valid
    judged = np.concatenate([np.arange(levels_of(name).start, levels_of(name).stop) for name in JUDGED])
    judged = judged[scored[judged]]
    mean, std = (valid.constants[name][judged] for name in ("target_mean", "target_std"))
    signal, error = np.empty(len(valid)), np.empty(len(valid))
    assert valid.target is not None
    assert results.blended is not None
    for start in range(0, len(valid), ROWS):
        of = slice(start, start + ROWS)
        truth, blended = (
            np.asarray(each[of])[:, judged].astype(np.float64) for each in (valid.target, results.blended)
        )
        signal[of] = np.square((truth - mean) / std).sum(axis=1)
        error[of] = np.square((truth - blended) / std).sum(axis=1)
    return signal, error
