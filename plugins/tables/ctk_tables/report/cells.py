"""Parts of tables that several sections have."""

from __future__ import annotations

import math
import re

import numpy as np
from markupsafe import Markup

from ctk.samples import Array

MINUS = "\N{MINUS SIGN}"


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
    """Say a number with four digits at most, thousands set apart from 10,000 on, so that years look like years."""
    value = float(value)
    if not math.isfinite(value) or (value and not 1e-4 <= abs(value) < 1e15):
        return f"{value:.3g}".replace("-", MINUS)
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{round(value, digits):,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return (text if abs(value) >= 10_000 else text.replace(",", "")).replace("-", MINUS)


def breakable(name: str) -> Markup:
    """Let a long name break after a stroke or an underscore."""
    return Markup("<wbr>").join(Markup("{}").format(part) for part in re.split(r"(?<=[/_])", name))


def count(number: int, noun: str) -> str:
    """Say how many there are: 1 column, 2,000 columns."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
