"""The tracker: an mlflow run for each stage of a fit, below that of its ctk run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from ctk.errors import CtkError
from ctk.training import FitLocation
from ctk_mlflow.store import Store, check
from ctk_mlflow.tracked import Tracked, key_of


class Mlflow(Logger):
    """Logs a fit to MLflow.

    tracking_uri  by default MLFLOW_TRACKING_URI; without that, ``mlflow.db`` in the folder of all runs
    experiment    by default the competition's id
    """

    def __init__(
        self, folder: Path, name: str, *, tracking_uri: str | None = None, experiment: str | None = None
    ) -> None:
        super().__init__()
        place = FitLocation.of(folder)
        began = any(place.run.glob("members/**/mlflow.json"))
        try:
            store = Store(tracking_uri, experiment or place.competition, place.run.parent.parent)
        except CtkError as error:
            if began:  # a run that has logged before is not ended by its tracker
                raise RuntimeError(error.problem) from error
            raise
        tags = {"ctk.run": place.run.name}
        key = key_of(place.run)
        if key is not None and (parent := store.find(key)) is not None:
            tags["mlflow.parentRunId"] = parent.info.run_id
        self.tracked = Tracked(store, folder, place.name, tags)

    @staticmethod
    def check(*, tracking_uri: str | None = None, experiment: str | None = None) -> None:
        """Raise CtkError where the store does not answer."""
        check(tracking_uri)

    @property
    def name(self) -> str | None:
        return "mlflow"

    @property
    def version(self) -> str | None:
        return self.tracked.id

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        self.tracked.configure(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.tracked.log(metrics, step or 0)

    def finalize(self, status: str) -> None:
        self.tracked.finish(status)
