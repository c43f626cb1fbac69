"""A competitor's own metric, a function in a file."""

from __future__ import annotations

from pathlib import Path

from ctk.contract import Metric


def own_metric(path: str | Path, name: str, maximize: bool | None = None) -> Metric:
    """Load ``name(target, prediction) -> float`` of a file as a metric called ``path.py:name``.

    maximize  whether more is better; none: the function's attribute ``maximize``
    """
    raise NotImplementedError
