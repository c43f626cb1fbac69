"""Train and test that a classifier tells apart (adversarial validation), and the columns by which."""

from __future__ import annotations

import numpy as np

from ctk_tables.looks.scoring import (
    CELLS,
    FEWEST,
    ROWS,
    Question,
    auc_noise,
    coded,
    drawn,
    scored_alone,
    scored_together,
)
from ctk_tables.looks.sides import FEWEST_ROWS, Sides, listed
from ctk_tables.looks.warning import Warning

TOLD_APART = 0.6
"""AUC from which on it is worth a word."""
BEYOND_CHANCE = 5
"""Standard deviations of chance that it must lie above one half besides: a small test is easily told apart."""
BY_ONE = 0.55
"""AUC of a column alone from which on it is named."""
MOST_COLUMNS = 300
"""Of more columns the forest has those that tell most alone."""


def adversarial(sides: Sides, without: frozenset[str] = frozenset()) -> list[Warning]:
    """Warn of a test unlike train; columns in ``without``, of times and of groups are meant to differ and left out."""
    meant = {*without, sides.description.time, sides.description.group}
    names = [name for name, column in sides.features().items() if column not in meant]
    if min(len(sides.train), len(sides.test)) < FEWEST_ROWS or not names:
        return []
    each = min(ROWS, max(FEWEST, CELLS // len(names))) // 2
    rows = [drawn(len(side), each, sides.seed) for side in (sides.train, sides.test)]
    sizes = [len(of) for of in rows]
    question = Question(np.repeat(np.array([[0.0], [1.0]], np.float32), sizes, axis=0), False, "the test")
    both = {
        name: np.concatenate(
            [np.asarray(side.features[name])[of] for side, of in zip((sides.train, sides.test), rows, strict=True)]
        )
        for name in names
    }
    alone = {name: scored_alone(values, [question], sides.seed)[0] for name, values in both.items()}
    ranked = sorted(alone, key=lambda name: -alone[name])
    matrix = np.stack([coded(both[name]) for name in ranked[:MOST_COLUMNS]], axis=1)
    area = scored_together(matrix, [question], sides.seed)[0]
    noise = auc_noise(*sizes)
    if area < TOLD_APART or area < 0.5 + BEYOND_CHANCE * noise:
        return []
    telling: dict[str, float] = {}
    for name in ranked:
        if alone[name] >= max(BY_ONE, 0.5 + BEYOND_CHANCE * noise):
            telling.setdefault(sides.features()[name], alone[name])
    if telling:
        said = ", ".join(f"`{column}` ({score:.2f} alone)" for column, score in list(telling.items())[:5])
        by = f"most by {said}{f' and {len(telling) - 5:,} more' if len(telling) > 5 else ''}"
        help = f"Try without {listed(list(telling)[:1])}: --column {next(iter(telling))}=left-out."
    else:
        by, help = "by several columns together, by none alone", "Trust folds that are cut as the test was cut."
    return [
        Warning(
            name="adversarial",
            sentence=(
                f"A classifier tells train and test apart with AUC {area:.2f} (0.5 is chance), {by}."
                f" Scores on random folds will flatter. {help}"
            ),
            columns=tuple(telling),
            numbers={"auc": round(area, 4), **{f"alone {name}": round(score, 4) for name, score in telling.items()}},
        )
    ]
