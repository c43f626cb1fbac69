"""Ids that carry the target's order: whoever numbers the rows after sorting them tells the answer."""

from __future__ import annotations

import re

import numpy as np

from ctk.samples import Array
from ctk_tables.looks.scoring import ROWS, auc_noise, drawn, scored_alone
from ctk_tables.looks.sides import FEWEST_ROWS, Sides
from ctk_tables.looks.warning import Warning

AUC, R2 = 0.6, 0.1
"""Scores by the id alone from which on it is worth a word, if they are beyond chance."""
BEYOND_CHANCE = 5
"""Standard deviations of chance."""
IN_TIME = 0.9
"""Where ids follow the times so closely, their order is that of time, which is known."""


def id_order(sides: Sides) -> list[Warning]:
    """Warn of an id whose number tells a target; not where it only counts the times."""
    known = sides.description
    if known.id is None or known.group == (known.ids_in or known.id):  # an id with repeats numbers no rows
        return []
    numbers = id_numbers(sides.train.ids)
    if numbers is None or len(numbers) < FEWEST_ROWS or _in_time(sides, numbers):
        return []
    rows = drawn(len(numbers), ROWS, sides.seed)
    questions = sides.questions(rows)
    found = []
    for question, score in zip(questions, scored_alone(numbers[rows], questions, sides.seed), strict=True):
        if question.ranked:
            sure = score >= max(R2, BEYOND_CHANCE**2 / len(rows))
        else:
            rarest = question.values.sum(axis=0).clip(1, None).min()
            sure = score >= max(AUC, 0.5 + BEYOND_CHANCE * auc_noise(rarest, len(rows) - rarest))
        if sure:
            found.append((score, question))
    if not found:
        return []
    score, question = max(found, key=lambda each: each[0])
    id = known.ids_in or known.id
    return [
        Warning(
            name="id-order",
            sentence=(
                f"The id `{id}` alone tells `{question.name}` with {question.measure} {score:.2f}: rows were numbered"
                " in an order that knows the target, or in order of time. Random folds flatter if neighbours are alike:"
                f" look at the target along `{id}`, and name a time column (--time) or a group (--group) if there is"
                " one."
            ),
            columns=(id,),
            numbers={"score": round(score, 4)},
        )
    ]


def id_numbers(ids: Array) -> Array | None:
    """Make numbers (N,) float32 of ids: whole numbers, or those at the end of texts; None where they have none.

    They are counted from the least, since float32 is exact to 16 million only.
    """
    if ids.dtype.kind == "U":
        ends = [re.search(r"(\d{1,15})\D*$", each) for each in ids.tolist()]
        if any(end is None for end in ends):
            return None
        heads = {each[: end.start()] for each, end in zip(ids.tolist(), ends, strict=True) if end}
        if len(heads) > 1:  # the texts before them say something too, such as digits of a hash
            return None
        ids = np.array([int(end[1]) for end in ends if end])
    return np.asarray(np.unique(ids, return_inverse=True)[1], np.float32)


def _in_time(sides: Sides, numbers: Array) -> bool:
    time = sides.train.groups.get("time")
    if time is None or len(np.unique(time)) < 2:
        return False
    place = np.unique(time, return_inverse=True)[1]
    return bool(abs(np.corrcoef(numbers, place)[0, 1]) >= IN_TIME)
