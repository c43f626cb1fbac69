"""Kaggle as ctk's commands see it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kagglesdk.competitions.types.competition_api_service import (
    ApiGetCompetitionRequest,
    ApiGetLeaderboardRequest,
    ApiGetSubmissionLimitsRequest,
    ApiListSubmissionsRequest,
)
from kagglesdk.competitions.types.submission_status import SubmissionStatus

from ctk.contract import Entry, PastSubmission, Platform, Progress, Receipt
from ctk.errors import CtkError
from ctk_kaggle import problems
from ctk_kaggle.download import Source, bring

if TYPE_CHECKING:
    from ctk_kaggle.client import Client


class Kaggle(Platform):
    """kaggle.com, with the credentials that the official client finds."""

    @cached_property
    def client(self) -> Client:
        """The official client, imported and signed in when first needed: what is wrong then is the user's to know."""
        from ctk_kaggle.client import sign_in

        return sign_in()

    def download(self, slug: str, folder: Path, progress: Progress) -> Sequence[Path]:
        """Every file that is listed and not whole in the folder."""
        source = Source(self.client, slug)
        if not self._competition(slug).user_has_entered:
            source.try_first()  # hosts may fetch without having joined
        return bring(source, folder, progress)

    def check_submit(self, slug: str) -> None:
        """Joined, open, for files, and one submission left today."""
        competition = self._competition(slug)
        if not competition.user_has_entered:
            raise problems.rules_not_accepted(slug)
        page = f"{problems.SITE}/competitions/{slug}"
        if competition.is_kernels_submissions_only:
            raise CtkError(f"{slug} takes notebooks, not files.", f"Submit a notebook at {page}.")
        if competition.submissions_disabled:
            raise CtkError(f"{slug} takes no submissions.", f"See {page}.")
        try:
            limits = self._limits(slug)
        except CtkError:  # Kaggle itself will say
            return
        # All zero before the first submission makes a team.
        if limits.num_allowed_now == 0 and (limits.num_today or limits.num_total):
            raise CtkError(
                f"{slug} takes no more submissions of yours today: {limits.num_today} were handed in.",
                "The count starts again at midnight UTC.",
            )

    def submit(self, slug: str, file: Path, message: str) -> Receipt:
        """Upload and hand in, by the official client."""
        answer = self.client.hand_in(slug, file, message)
        try:
            left = int(self._limits(slug).num_allowed_now)
        except CtkError:  # it is handed in, whatever else goes wrong
            left = None
        return Receipt(answer, left)

    def leaderboard(self, slug: str) -> Sequence[Entry]:
        """Every team; the private leaderboard once there is one."""
        rows = self.client.pages(slug, "get_leaderboard", ApiGetLeaderboardRequest(), "submissions")
        return [
            Entry(rank, row.team_name or "", _number(row.score), (row.score or "").strip(), row.submission_date)
            for rank, row in enumerate(rows, start=1)
        ]

    def submissions(self, slug: str) -> Sequence[PastSubmission]:
        """Newest first."""
        rows = self.client.pages(slug, "list_submissions", ApiListSubmissionsRequest(), "submissions")
        return [
            PastSubmission(
                file=row.file_name or "",
                message=row.description or "",
                when=row.date,
                score=_number(row.public_score),
                team=row.team_name or "",
            )
            for row in rows
            if row.status == SubmissionStatus.COMPLETE
        ]

    def _competition(self, slug: str) -> Any:
        return self.client.ask(slug, "get_competition", ApiGetCompetitionRequest())

    def _limits(self, slug: str) -> Any:
        return self.client.ask(slug, "get_submission_limits", ApiGetSubmissionLimitsRequest())


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
