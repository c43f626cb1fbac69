"""Where runs are tracked: a server, or a database on this machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from ctk.errors import CtkError, hide_secrets

KEY = "ctk.key"
"""Tag by which a run is found again."""
DEFAULTS = {
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # By itself the client tries for many minutes: a fit would wait for a server that is gone after every epoch.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


class Store:
    """An experiment in a store of runs, made if it is not there.

    tracking_uri  None is $MLFLOW_TRACKING_URI, else ``mlflow.db`` in the folder of all runs
    runs          the folder of all runs

    Raises CtkError where the store cannot be used.
    """

    def __init__(self, tracking_uri: str | None, experiment: str, runs: Path) -> None:
        uri = _chosen(tracking_uri)
        self.client = _connected(uri or f"sqlite:///{(runs / 'mlflow.db').resolve()}")
        self.experiment = self._experiment(experiment, None if uri else (runs / "mlflow-artifacts").resolve().as_uri())

    def find(self, key: str) -> Run | None:
        """The run with a key."""
        found = self.client.search_runs([self.experiment], f"tags.`{KEY}` = '{key}'", max_results=1)
        return found[0] if found else None

    def make(self, key: str, name: str, tags: Mapping[str, str]) -> Run:
        """A new run with a key."""
        return self.client.create_run(self.experiment, run_name=name, tags={**tags, KEY: key})

    def _experiment(self, name: str, artifacts: str | None) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self.client.create_experiment(name, artifact_location=artifacts))
            except MlflowException:  # another run was faster
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            raise CtkError(
                f"mlflow: the experiment '{name}' was deleted.", "Restore it, or choose another: experiment: NAME."
            )
        return str(found.experiment_id)


def check(tracking_uri: str | None) -> None:
    """Raise CtkError if a store was named and cannot be used."""
    if uri := _chosen(tracking_uri):
        _connected(uri)


def _chosen(tracking_uri: str | None) -> str | None:
    return tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or None


def _connected(uri: str) -> MlflowClient:
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):  # they tell of every table that they make
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        told = hide_secrets(f"mlflow: {uri} cannot be used ({lines[0]}")
        raise CtkError(
            f"{told[: len(uri) + 300]}).",
            "Look at tracking_uri and $MLFLOW_TRACKING_URI; without either, runs are kept on this machine.",
        ) from error
    return client
