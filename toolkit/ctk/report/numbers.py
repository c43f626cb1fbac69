"""Numbers as people read them, and the sentence that compares two scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ctk.contract import Metric

MINUS = "\N{MINUS SIGN}"


def number(value: float, decimals: int = 3) -> str:
    """A number with so many decimals; "nan" and infinities said as they are."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0 and value:
        text = f"{value:.{max(1, decimals - 1)}e}"
    return text.replace("-", MINUS)


def decimals_for(values: Iterable[float]) -> int:
    """How many decimals a column of numbers needs to show four digits of its largest; none where all are whole."""
    finite = [abs(value) for value in values if math.isfinite(value)]
    if all(value == round(value) and value < 1e15 for value in finite):
        return 0
    digits = math.floor(math.log10(max(finite)))
    return min(8, max(0, 3 - min(digits, 3))) if digits >= 0 else min(8, 3 - digits)


def column(values: Sequence[float | None]) -> list[str]:
    """Cells of a table's column, with one number of decimals; empty where there is no value."""
    decimals = decimals_for(value for value in values if value is not None)
    return ["" if value is None else number(value, decimals) for value in values]


def duration(seconds: float) -> str:
    """0.4 s, 0:21 or 1:02:03; empty where it is not known."""
    if not math.isfinite(seconds) or seconds < 0:
        return ""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def comparison(metric: Metric, score: float, name: str, other: float) -> str:
    """One sentence on how the blend's score stands to another's, in percent of the other where that has a meaning."""
    if not math.isfinite(score):
        return f"The blend's {metric.name} is not a number, so it cannot be compared with {name}'s {number(other)}."
    if not math.isfinite(other):
        return f"{name}'s {metric.name} is not a number, so the blend's {number(score)} cannot be compared with it."
    if score == other:
        return f"The blend's {metric.name} {number(score)} equals {name}'s on the same validation split."
    better = metric.sign * (score - other) > 0
    ours, theirs = _apart(score, other)
    return (
        f"The blend's {metric.name} {ours} is {'better' if better else 'worse'} than {name}'s {theirs}"
        f" by {difference(score, other)} on the same validation split."
    )


def mending(metric: Metric, mended: float, raw: float, where: str) -> str:
    """One sentence on what the competition's postprocessing is worth to the blend on some rows."""
    if mended == raw or not (math.isfinite(mended) and math.isfinite(raw)):
        return f"Postprocessing leaves the blend's {metric.name} {number(mended)} {where} as it is."
    better = metric.sign * (mended - raw) > 0
    ours, theirs = _apart(mended, raw)
    return (
        f"Postprocessing makes the blend {'better' if better else 'worse'} {where}:"
        f" {metric.name} {ours} repaired, {theirs} raw."
    )


def difference(score: float, other: float) -> str:
    """How far two scores lie apart: in percent of the other, or as it is where the other is not above 0."""
    apart = abs(score - other)
    if other <= 0:
        return number(apart)
    percent = 100 * apart / other
    if percent < 0.1:
        return "less than 0.1%"
    return f"{percent:,.0f}%" if percent >= 9.95 else f"{percent:.1f}%"


def _apart(score: float, other: float) -> tuple[str, str]:
    """Both numbers with as many decimals as it takes to see that they differ."""
    for decimals in range(3, 9):
        ours, theirs = number(score, decimals), number(other, decimals)
        if ours != theirs:
            break
    return ours, theirs
