"""A whole ctk run in mlflow: the parent of its fits' runs, with the final scores."""

from __future__ import annotations

from collections.abc import Mapping

from ctk.runs import Run
from ctk_mlflow.store import Store
from ctk_mlflow.tracked import Tracked


def begin(run: Run, *, tracking_uri: str | None = None, experiment: str | None = None) -> None:
    """Make the run's parent, or open it again: it is RUNNING until the submission is written."""
    _opened(run, tracking_uri, experiment)


def end(
    run: Run, scores: Mapping[str, float], *, tracking_uri: str | None = None, experiment: str | None = None
) -> None:
    """Log the blend's scores, those of its members and, where the truth is known, of the test."""
    tracked = _opened(run, tracking_uri, experiment)
    tracked.log(run.final_scores(scores), step=0)
    tracked.finish("success")


def _opened(run: Run, tracking_uri: str | None, experiment: str | None) -> Tracked:
    store = Store(tracking_uri, experiment or run.competition, run.folder.parent.parent)
    tracked = Tracked(store, run.folder, run.folder.name, {"ctk.run": run.folder.name})
    config = run.config()
    config["members"] = [member["name"] for member in config.get("members", ())]
    config["trackers"] = [tracker["name"] for tracker in config["trackers"]]
    tracked.configure(config)
    return tracked
