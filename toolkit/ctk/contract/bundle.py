"""Submissions that are no table: a bundle of fitted models, and the run that a part of one comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ctk.contract.model import Model
from ctk.contract.run_config import Member


@dataclass(frozen=True)
class RunOf:
    """Marks a field of ``Competition.submission_options`` that names a finished run of a competition, by its id.

    ``clip: Annotated[str | None, RunOf("tux-clip")] = None`` is given by folder or a part of its name. It is looked for
    before anything is fitted, and the competition is told the run's whole folder.
    """

    competition: str


@dataclass(frozen=True)
class FittedMember:
    """A fitted part of a run's member, as a bundle takes it.

    key     of member and seed, "smolvlm/seed-1"; of a blend of runs with the run's name before it
    fold    which fold's rows it has not learned from
    weight  the key's in the blend, shared by its folds
    config  the member's config
    load    gives the model as it was fitted, on the CPU. Raises CtkError where what was saved is gone or damaged
    """

    key: str
    fold: int
    weight: float
    config: Member
    load: Callable[[], Model]


@dataclass(frozen=True)
class Bundle:
    """A bundle that was checked: what of it people want to know, a sentence each."""

    facts: Sequence[str]


class Graded(dict[str, float]):
    """Numbers of a graded submission by name, and the lines in which its grader tells of them, faults among these."""

    def __init__(self, numbers: Mapping[str, float], lines: Sequence[str]) -> None:
        super().__init__(numbers)
        self.lines = list(lines)
