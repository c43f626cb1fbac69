"""One mlflow run for one folder, the same whenever it is opened again."""

from __future__ import annotations

import getpass
import re
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException

from ctk.errors import DamagedError
from ctk.files import read_json, write_json
from ctk_mlflow.store import Store

ENDS = {"success": "FINISHED", "aborted": "KILLED"}
METRICS, PARAMS = 1000, 100
"""The most that mlflow takes at once."""
PAUSE = 60.0
"""Seconds after which a store that failed is tried again."""


class Tracked(Logger):
    """An mlflow run as a logger. Its key is kept in ``folder/mlflow.json`` before the run is made, and is a tag of it.

    Numbers that a store does not take wait for the next; those that a run has already are not logged twice.
    """

    def __init__(self, store: Store, folder: Path, name: str, tags: Mapping[str, str]) -> None:
        super().__init__()
        self.client = store.client
        key = key_of(folder)
        if key is None:
            key = uuid.uuid4().hex
            write_json(folder / "mlflow.json", {"key": key})
        found = store.find(key)
        if found is None:
            who = {"mlflow.user": _user(), "mlflow.source.name": "ctk", "mlflow.source.type": "LOCAL"}
            found, self.fresh = store.make(key, name, {**who, **tags}), True
        else:
            self.client.update_run(found.info.run_id, status="RUNNING")
            self.fresh = False
        self.id: str = found.info.run_id
        self.params = dict(found.data.params)
        self.last: dict[str, int] = {}
        self.waiting: list[Metric] = []
        self.next = 0.0

    @property
    def name(self) -> str | None:
        return "mlflow"

    @property
    def version(self) -> str | None:
        return self.id

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Log parameters that the run has not; nested ones get paths as names."""
        new = [Param(key, str(value)) for key, value in _flat(params).items() if key not in self.params]
        for start in range(0, len(new), PARAMS):
            self.client.log_batch(self.id, params=new[start : start + PARAMS])

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers for a step."""
        now = int(time.time() * 1000)
        self.waiting += [Metric(_name(key), value, now, step or 0) for key, value in metrics.items()]
        if time.monotonic() >= self.next:
            try:
                self._send()
            except MlflowException:
                self.next = time.monotonic() + PAUSE

    def finalize(self, status: str) -> None:
        """End the run, with what still waits. Raises MlflowException where the store does not take it."""
        self._send()
        self.client.set_terminated(self.id, ENDS.get(status, "FAILED"))

    def _send(self) -> None:
        while self.waiting:
            part = self.waiting[:METRICS]
            new = [metric for metric in part if metric.step > self._last(metric.key)]
            self.client.log_batch(self.id, metrics=new)
            del self.waiting[: len(part)]

    def _last(self, key: str) -> int:
        """The last step that the run had of a number when it was opened."""
        if self.fresh:
            return -1
        if key not in self.last:
            self.last[key] = max((each.step for each in self.client.get_metric_history(self.id, key)), default=-1)
        return self.last[key]


def key_of(folder: Path) -> str | None:
    """The key of the run that was tracked for a folder, if one was and it can be read."""
    try:
        return str(read_json(folder / "mlflow.json", dict[str, str])["key"])
    except (DamagedError, KeyError):
        return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container, an account may have no name
        return "unknown"


def _name(key: str) -> str:
    """A metric's name of the characters that mlflow allows."""
    return re.sub(r"[^\w/. -]", "_", key)


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {f"{before}{key}": value}
    return flat
