"""Parts of tables that several sections have."""

from __future__ import annotations

import re

import numpy as np
from markupsafe import Markup

from ctk.report import decimals_for, number
from ctk.samples import Array


def code(sentence: str) -> Markup:
    """Set what stands between backticks as code, all else as text."""
    parts = re.split(r"`([^`]*)`", sentence)
    return Markup("").join(Markup("<code>{}</code>" if at % 2 else "{}").format(part) for at, part in enumerate(parts))


def missing(values: Array) -> Array:
    """Tell which cells (N,) bool of a feature are missing."""
    return values == "" if values.dtype.kind == "U" else ~np.isfinite(values)


def percent(share: float) -> str:
    """Say a part of all as people do: 0, <0.1%, 0.4%, 12%."""
    if 0 < share < 0.001:
        return "<0.1%"
    return f"{100 * share:.1f}%" if 0 < share < 0.0995 else f"{100 * share:.0f}%"


def plain(value: float) -> str:
    """Say a number with about four digits, whole ones as they are."""
    return number(float(value), min(4, decimals_for([float(value)])))
