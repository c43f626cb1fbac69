"""Points of a case by its accuracy, as the course's grader counts them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GradedCase:
    """A case of the grader.

    title     what it is, as the grader prints it
    score     points of full marks
    bounds    accuracy that is worth nothing, and the least that is worth all
    extra     accuracies between which extra credit grows; None where there is none
    ratio     of the score, what extra credit is worth
    """

    title: str
    score: int
    bounds: tuple[float, float]
    extra: tuple[float, float] | None = None
    ratio: float = 0.0


CASES = {
    "vlm": GradedCase("Test the answer accuracy", 50, (0.0, 0.7)),
    "clip": GradedCase("Test the CLIP accuracy", 50, (0.2, 0.7), (0.8, 0.85), 5 / 50),
}
"""The cases of the fall 2025 homework, whose extra credit for answers is switched off."""


def points(case: GradedCase, accuracy: float) -> int:
    """Return the points of an accuracy: linear between the bounds, then extra credit, rounded half up."""
    share = _between(accuracy, *case.bounds)
    if case.extra is not None:
        share += case.ratio * _between(accuracy, *case.extra)
    return int(share * case.score + 0.5)


def _between(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)
