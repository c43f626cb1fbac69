"""Where competitions are held: what a plugin subclasses so that data comes down, submissions go up and scores are seen.

A competition says ``platform = "kaggle"`` and ``slug``, what it is called there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ctk.contract import Progress


@dataclass(frozen=True)
class Entry:
    """A row of a leaderboard, best first; ``rank`` counts from 1."""

    rank: int
    team: str
    score: float
    when: datetime | None = None


class Platform(ABC):
    """One place that holds competitions. Every method raises CtkError saying what to do next."""

    @abstractmethod
    def check(self, slug: str) -> None:
        """Refuse what cannot work before anything long starts: no credentials, no such competition, rules not met."""

    @abstractmethod
    def download(self, slug: str, folder: Path, progress: Progress) -> Sequence[Path]:
        """Fetch and unpack the competition's files into a folder; a second call goes on where a killed one stopped."""

    @abstractmethod
    def submit(self, slug: str, file: Path, message: str) -> str:
        """Hand a submission in; returns what the platform answered."""

    @abstractmethod
    def leaderboard(self, slug: str) -> Sequence[Entry]:
        """The public leaderboard, best first."""
