"""The tracker: an mlflow run for each stage of a fit, below that of its ctk run."""

from __future__ import annotations

from pathlib import Path

from ctk.errors import CtkError, without_secrets
from ctk.runs import Run
from ctk.training import FitLocation
from ctk_mlflow.store import Store, check
from ctk_mlflow.tracked import Tracked, key_of


class Mlflow(Tracked):
    """Logs a fit to MLflow.

    tracking_uri  by default MLFLOW_TRACKING_URI; without that, ``mlflow.db`` in the folder of all runs
    experiment    by default the competition's id
    """

    def __init__(
        self, folder: Path, name: str, *, tracking_uri: str | None = None, experiment: str | None = None
    ) -> None:
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
        super().__init__(store, folder, place.name, tags)

    @staticmethod
    def check(*, tracking_uri: str | None = None, experiment: str | None = None) -> None:
        """Raise CtkError where the store does not answer."""
        check(tracking_uri)


def open_run(run: Run, *, tracking_uri: str | None = None, experiment: str | None = None) -> Tracked:
    """The parent of a whole ctk run's fits, made or opened again: it is RUNNING until the submission is written."""
    store = Store(tracking_uri, experiment or run.competition, run.folder.parent.parent)
    tracked = Tracked(store, run.folder, run.folder.name, {"ctk.run": run.folder.name})
    config = without_secrets(run.config())
    config["members"] = [member["name"] for member in config.get("members", ())]
    config["trackers"] = [tracker["name"] for tracker in config["trackers"]]
    tracked.log_hyperparams(config)
    return tracked
