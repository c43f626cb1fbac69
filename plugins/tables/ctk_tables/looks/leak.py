"""A target that one column gives away: absurd alone, and far above what all the others reach together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ctk.samples import Array
from ctk_tables.looks.scoring import Question, scored_alone, scored_together
from ctk_tables.looks.sides import FEWEST_ROWS, Sides, listed, matrix_of
from ctk_tables.looks.warning import Warning

PERFECT = 0.999
"""A score alone from which on a column knows all; unless the rest does too, then the task is easy."""
EASY = 0.95
NEAR = {False: 0.975, True: 0.98}
"""A score alone, AUC or R2 of ranks, that is suspicious where the others together are far from it."""
FARTHER = 4
"""How many times what lacks to a perfect score the others lack, then."""
SUSPECTS = 3
"""So many columns that are near are compared with the others."""
RARE = 10
"""A class of fewer rows is not judged by: a few rows are told apart by chance."""


def target_leak(sides: Sides) -> list[Warning]:
    """Warn of columns that give a target away."""
    names = list(sides.features())
    rows = sides.rows_of_train(len(names))
    questions = [question for question in sides.questions(rows) if _judgeable(question)]
    if len(rows) < FEWEST_ROWS or not names or not questions:
        return []
    alone = {
        name: max(zip(scored_alone(np.asarray(sides.train.features[name])[rows], questions, sides.seed), range(len(questions)), strict=True))  # noqa: E501
        for name in names
    }  # fmt: skip
    return list(_found(sides, rows, questions, alone))


def _found(
    sides: Sides, rows: Array, questions: list[Question], alone: dict[str, tuple[float, int]]
) -> Iterator[Warning]:
    by_score = sorted(alone, key=lambda name: -alone[name][0])
    perfect = [name for name in by_score if alone[name][0] >= PERFECT]

    def rest(without: list[str], question: int) -> float:
        others = [name for name in alone if name not in without]
        matrix = matrix_of(sides.train, others, rows)
        return scored_together(matrix, [questions[question]], sides.seed)[0]

    if perfect:
        score, at = alone[perfect[0]]
        if (others := rest(perfect, at)) < EASY:
            yield _warning(sides, perfect, score, others, questions[at])
        return
    for name in [name for name in by_score[:SUSPECTS] if len(alone) > 1]:
        score, at = alone[name]
        if score < NEAR[questions[at].ranked]:
            continue
        if FARTHER * (1 - score) <= 1 - (others := rest([name], at)):
            yield _warning(sides, [name], score, others, questions[at])


def _warning(sides: Sides, features: list[str], score: float, others: float, question: Question) -> Warning:
    columns = list(dict.fromkeys(sides.features()[name] for name in features))
    which, them = ("alone gives", "it is") if len(columns) == 1 else ("each give", "they are")
    return Warning(
        name="target-leak",
        sentence=(
            f"{listed(columns)} {which} `{question.name}` away: {question.measure} {score:.3f} by one column,"
            f" {others:.3f} by all the others together. Make sure that {them} known when a prediction is due; if not,"
            f" leave out: --column {columns[0]}=left-out."
        ),
        columns=tuple(columns),
        numbers={"alone": round(score, 4), "others": round(others, 4)},
    )


def _judgeable(question: Question) -> bool:
    if question.ranked:
        return bool(np.ptp(question.values) > 0)
    counts = question.values.sum(axis=0)
    if question.values.shape[1] == 1:
        counts = np.array([counts[0], len(question.values) - counts[0]])
    return bool((counts >= RARE).sum() > 1)
