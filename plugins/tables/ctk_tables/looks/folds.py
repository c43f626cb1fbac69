"""Folds that leak groups: levels that the test has none of, but that random folds spread over both sides."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ctk.samples import Array
from ctk_tables.looks.sides import Sides
from ctk_tables.looks.warning import Warning

KNOWN_IN_TEST = 0.05
"""At most such a part of the test's rows has a level that train has, where levels were kept apart."""
KNOWN_IN_FOLDS = 0.5
"""Such a part of train's rows shares its level with others at least: random folds would part them."""
FEWEST_LEVELS = 5
FEWEST_ROWS = 20
"""Of the test, with a level."""


def leaking_folds(sides: Sides) -> list[Warning]:
    """Warn of columns whose levels train and test do not share, unless folds keep them together already."""
    found = []
    for name, column in sides.features("number", "category").items():
        if column in (sides.description.group, sides.description.time):
            continue
        levels, others = (np.asarray(side.features[name]) for side in (sides.train, sides.test))
        if (shares := _shares(levels, others)) and not _kept_together(sides, levels):
            found.append(_warning(sides, column, levels, others, *shares))
    return found


def _shares(train: Array, test: Array) -> tuple[float, float] | None:
    """Parts of the test's rows and of train's that share a level with other rows of train; None where all is well."""
    train, test = train[~_missing(train)], test[~_missing(test)]
    if len(test) < FEWEST_ROWS or len(train) < FEWEST_ROWS:
        return None
    if train.dtype.kind != "U" and (train != np.round(train)).any():
        return None
    place, levels = pd.factorize(train.astype(object) if train.dtype.kind == "U" else train)
    counts = np.bincount(place)
    if len(levels) < FEWEST_LEVELS or (in_folds := float((counts[place] > 1).mean())) < KNOWN_IN_FOLDS:
        return None
    in_test = float(pd.Series(test).isin(list(levels)).mean())
    return (in_test, in_folds) if in_test <= KNOWN_IN_TEST else None


def _kept_together(sides: Sides, levels: Array) -> bool:
    """Whether every level is in a single group already."""
    group = sides.train.groups.get("group")
    if group is None:
        return False
    return bool(pd.Series(group).groupby(levels.astype(object)).nunique().max() <= 1)


def _warning(sides: Sides, column: str, train: Array, test: Array, in_test: float, in_folds: float) -> Warning:
    ordered = train.dtype.kind != "U" and _beyond(train, test)
    count = len(pd.unique(train[~_missing(train)].astype(object)))
    option = f"--time {column}" if ordered else f"--group {column}"
    how = "test rows lie beyond all of train" if ordered else "train and test share next to none"
    return Warning(
        name="leaking-folds",
        sentence=(
            f"`{column}` has {count:,} levels in train, and {how} ({in_test:.0%} of test rows), but random folds would"
            f" have {in_folds:.0%} of rows meet their own level again. Scores would flatter: take {option}."
        ),
        columns=(column,),
        numbers={"known_in_test": round(in_test, 4), "known_in_folds": round(in_folds, 4), "levels": count},
    )


def _beyond(train: Array, test: Array) -> bool:
    return bool(np.nanmin(test) > np.nanmax(train) or np.nanmax(test) < np.nanmin(train))


def _missing(values: Array) -> Array:
    return values == "" if values.dtype.kind == "U" else np.isnan(values)
