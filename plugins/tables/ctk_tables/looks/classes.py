"""Classes and levels that only one side has."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ctk_tables.looks.sides import Sides, listed
from ctk_tables.looks.warning import Warning

UNSEEN = 0.01
FEWEST = 5
"""Such a part of the test's rows, and so many, have a level that train lacks, to be worth a word."""
BEYOND_CHANCE = 3
"""Times the part that chance gives: rare levels are on one side only anywhere (Good 1953, by Turing's estimate)."""


def one_sided(sides: Sides, without: frozenset[str] = frozenset()) -> list[Warning]:
    """Warn of classes that train lacks, and of levels of categories that only the test has more often than chance."""
    return [*_classes(sides), *_levels(sides, without)]


def _classes(sides: Sides) -> list[Warning]:
    classes, target = sides.description.classes, sides.train.target
    if sides.description.task == "regression" or target is None or not classes:
        return []
    target = np.asarray(target)
    if sides.description.task == "classes":
        there = target.sum(axis=0) > 0
    else:
        there = np.array([(target == number).any() for number in range(len(classes))])
    lacking = [name for name, is_there in zip(classes, there, strict=True) if not is_there]
    if not lacking:
        return []
    return [
        Warning(
            name="one-sided",
            sentence=(
                f"Train has no row of class {listed(lacking)}, which the submission wants: no model can learn"
                f" {'it' if len(lacking) == 1 else 'them'}. Ask where such rows are, or submit a small constant for"
                f" {'it' if len(lacking) == 1 else 'them'}."
            ),
            columns=sides.description.targets[:1],
            numbers={"classes_lacking": len(lacking)},
        )
    ]


def _levels(sides: Sides, without: frozenset[str]) -> list[Warning]:
    found: dict[str, tuple[float, list[str]]] = {}
    for name, column in sides.features("category").items():
        if column in without or column == sides.description.group:
            continue
        counts, others = (pd.Series(np.asarray(side.features[name]).astype(object)).value_counts() for side in (sides.train, sides.test))  # noqa: E501  # fmt: skip
        new = others[~others.index.isin(counts.index)].drop("", errors="ignore")
        chance = float((counts == 1).sum()) / max(1, len(sides.train))
        share = float(new.sum()) / max(1, len(sides.test))
        if new.sum() >= FEWEST and share >= UNSEEN and share >= BEYOND_CHANCE * chance:
            found[column] = (share, [str(level) for level in new.index])
    if not found:
        return []
    worst = sorted(found, key=lambda column: -found[column][0])
    share, levels = found[worst[0]]
    more = f" So it is with {listed(worst[1:])}." if worst[1:] else ""
    return [
        Warning(
            name="one-sided",
            sentence=(
                f"{share:.1%} of test rows have a level of `{worst[0]}` that train lacks ({listed(levels, 3)}).{more}"
                " A model knows nothing of them: check whether they are written otherwise, or put rare levels together."
            ),
            columns=tuple(worst),
            numbers={f"unseen {column}": round(found[column][0], 4) for column in worst},
        )
    ]
