"""The tracker: a wandb run for each stage of a fit, in the group of its ctk run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb
from lightning.pytorch.loggers import Logger

from ctk.errors import CtkError
from ctk.training import FitLocation
from ctk_wandb.session import OFFLINE, Mode, Session, check, sentence


class Wandb(Logger):
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
        super().__init__()
        place = FitLocation.of(folder)
        began = any(place.run.glob("members/**/wandb/history.jsonl"))
        try:
            self.session = Session(
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

    @property
    def name(self) -> str | None:
        return None if self.session.run is None else self.session.run.name

    @property
    def version(self) -> str | None:
        return None if self.session.run is None else self.session.run.id

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        self.session.configure(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.session.log(metrics, step or 0)

    def finalize(self, status: str) -> None:
        self.session.finish(status)
