"""Sheets of training rows beside what a member's transforms made of them, as its network got them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ctk.report.numbers import column
from ctk.samples import Array, Samples

MOST = 10
"""Numbers of a row that are shown."""


@dataclass(frozen=True)
class Row:
    """One row of samples: its pictures (name, before, after) as data URIs, its numbers that changed as text."""

    pictures: list[tuple[str, str, str]]
    numbers: list[tuple[str, str, str]]
    more: int


@dataclass(frozen=True)
class Sheet:
    """Rows of one stage of a member."""

    title: str
    rows: list[Row]


def sheet(title: str, before: Samples, after: Samples) -> Sheet:
    """Set rows beside what was made of them."""
    pictures = {name for name, values in before.features.items() if _is_picture(values)}
    rows = []
    for row in range(len(before)):
        drawn = [(name, *(_png(each.features[name][row]) for each in (before, after))) for name in sorted(pictures)]
        changed = [
            (name, *column([old, new]))
            for (name, old), (_, new) in zip(_numbers(before, row), _numbers(after, row), strict=True)
            if old != new and not (np.isnan(old) and np.isnan(new))
        ]
        rows.append(Row(drawn, changed[:MOST], max(0, len(changed) - MOST)))  # type: ignore[arg-type]
    return Sheet(title, rows)


def _is_picture(values: Array) -> bool:
    return values.dtype == np.uint8 and values.ndim > 3 and values.shape[-1] == 3


def _png(frames: Array) -> str:
    """Draw (..., H, W, 3) uint8, of several the last."""
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(frames.reshape(-1, *frames.shape[-3:])[-1])).save(written, "PNG")
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"


def _numbers(samples: Samples, row: int) -> Iterator[tuple[str, float]]:
    """Name the row's numbers: features that are no pictures, then the target."""
    for name, values in samples.features.items():
        if not _is_picture(values) and values.dtype.kind in "biuf":
            yield from _named(name, values[row])
    if samples.target is not None and not samples.predicts_text:
        names = None if samples.targets is None else samples.targets.names.tolist()
        for at, (name, value) in enumerate(_named("target", samples.target[row])):
            yield (name if names is None else names[at]), value


def _named(name: str, values: Array) -> Iterator[tuple[str, float]]:
    flat = np.ravel(values).tolist()
    for at, value in enumerate(flat):
        yield (name if len(flat) == 1 else f"{name}[{at}]"), float(value)
