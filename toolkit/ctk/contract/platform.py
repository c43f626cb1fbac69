"""Platforms that hold competitions: data comes down from one, submissions go up, and scores are seen.

A competition says ``platform = "NAME"`` and ``slug``, what it is called there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ctk.contract.reader import Progress

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Entry:
    """A team on a leaderboard; ``rank`` counts from 1, the best.

    score  None for a team that has none
    shown  the score as the platform writes it, which tells how finely it is rounded
    """

    rank: int
    team: str
    score: float | None
    shown: str = ""
    when: datetime | None = None


@dataclass(frozen=True)
class PastSubmission:
    """A submission of the user's own. ``score`` is the public one, None while there is none; ``team`` may be empty."""

    file: str
    message: str
    when: datetime | None
    score: float | None
    team: str = ""


@dataclass(frozen=True)
class Receipt:
    """A platform's answer to a submission, and how many more it takes today where it says so."""

    answer: str
    left: int | None = None


class Platform(ABC):
    """One place that holds competitions. Every method raises CtkError saying what to do next."""

    @abstractmethod
    def download(self, slug: str, folder: Path, progress: Progress) -> Sequence[Path]:
        """Fetch and unpack what of the competition's files is not whole in a folder yet; returns what was written.

        Refuses before anything long starts what cannot work: no credentials, no such competition, rules not accepted.
        Goes on where a killed call stopped.
        """

    @abstractmethod
    def check_submit(self, slug: str) -> None:
        """Refuse what would be refused after validation and upload: no credentials, rules not accepted, none left."""

    @abstractmethod
    def submit(self, slug: str, file: Path, message: str) -> Receipt:
        """Hand a submission in."""

    @abstractmethod
    def leaderboard(self, slug: str) -> Sequence[Entry]:
        """List every team, best first."""

    @abstractmethod
    def submissions(self, slug: str) -> Sequence[PastSubmission]:
        """List the user's own submissions that the platform could score."""
