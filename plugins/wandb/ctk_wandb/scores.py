"""A run's final scores: a wandb run of their own, in the group of the fits that they came from."""

from __future__ import annotations

from collections.abc import Mapping

from ctk.runs import Run
from ctk_wandb.session import Mode, Session


def log_scores(
    run: Run,
    scores: Mapping[str, float],
    *,
    project: str | None = None,
    entity: str | None = None,
    mode: Mode | None = None,
    tags: tuple[str, ...] = (),
) -> None:
    """Log the blend's scores, those of its members and, where the truth is known, of the test."""
    session = Session(
        run.folder,
        project or run.competition,
        entity,
        mode,
        tags,
        group=run.folder.name,
        name=run.folder.name,
        job_type="scores",
        config=run.config(),
    )
    session.summarise(run.final_scores(scores))
    session.finish("success")
