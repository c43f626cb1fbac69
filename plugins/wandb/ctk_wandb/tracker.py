"""The tracker: a wandb run for each stage of a fit, in the group of its ctk run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import wandb

from ctk.errors import CtkError, without_secrets
from ctk.runs import Run
from ctk.training import FitLocation
from ctk_wandb.session import OFFLINE, Mode, Session, check, sentence


class Wandb(Session):
    """Logs a fit to Weights & Biases.

    project  where it is logged; by default the competition's id
    entity   whose project; by default that of who is logged in
    mode     by default what WANDB_MODE and wandb's own settings say, which is online
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        project: str | None = None,
        entity: str | None = None,
        mode: Mode | None = None,
        tags: tuple[str, ...] = (),
    ) -> None:
        place = FitLocation.of(folder)
        began = any(place.run.glob("members/**/wandb/history.jsonl"))
        try:
            super().__init__(
                folder,
                project or place.competition,
                entity,
                mode,
                tags,
                group=place.run.name,
                name=place.name,
                job_type="fit",
            )
        except wandb.Error as error:
            if began:  # a run that has logged before is not ended by its tracker
                raise
            raise CtkError(f"wandb: {sentence(error)}", f"Look at project and entity. {OFFLINE}") from error

    @staticmethod
    def check(
        *, project: str | None = None, entity: str | None = None, mode: Mode | None = None, tags: tuple[str, ...] = ()
    ) -> None:
        """Raise CtkError where nobody is logged in."""
        check(mode)


def log_scores(
    run: Run,
    scores: Mapping[str, float],
    *,
    project: str | None = None,
    entity: str | None = None,
    mode: Mode | None = None,
    tags: tuple[str, ...] = (),
) -> None:
    """Log a run's final scores as a wandb run of their own: the blend's, its members' and, where known, the test's."""
    name = run.folder.name
    facts = {"group": name, "name": name, "job_type": "scores", "config": without_secrets(run.config())}
    session = Session(run.folder, project or run.competition, entity, mode, tags, **facts)
    if session.run is not None:
        session.run.summary.update(run.final_scores(scores))
    session.finalize("success")
