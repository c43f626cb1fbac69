"""Columns with one value in train: nothing can be learned from them."""

from __future__ import annotations

import numpy as np

from ctk_tables.looks.sides import Sides, listed
from ctk_tables.looks.warning import Warning


def constants(sides: Sides) -> list[Warning]:
    """Warn of columns that have one value, or none, in every row of train."""
    varying: dict[str, bool] = {}
    for name, column in sides.features("number", "boolean", "category", "date", "text").items():
        values = np.asarray(sides.train.features[name])
        first = values[:1]
        same = (values == first) | ((values != values) & (first != first))
        varying[column] = varying.get(column, False) or not bool(same.all())
    still = [column for column, varies in varying.items() if not varies]
    if not still or not len(sides.train):
        return []
    has = "has" if len(still) == 1 else "have"
    return [
        Warning(
            name="constants",
            sentence=(
                f"{listed(still)} {has} one value in all {len(sides.train):,} rows of train: nothing can be learned"
                f" from {'it' if len(still) == 1 else 'them'}. Leave out: --column {still[0]}=left-out."
            ),
            columns=tuple(still),
            numbers={"columns": len(still)},
        )
    ]
