"""Each metric of the catalogue as an attribute, made when it is asked for: what the plugin registers."""

from __future__ import annotations

from ctk.contract import Metric
from ctk_tables.metrics import find
from ctk_tables.metrics.catalogue import ATTRIBUTES


def __getattr__(name: str) -> Metric:
    if name not in ATTRIBUTES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return find(ATTRIBUTES[name].name)
