"""The trackers of a run, before and after its fits: whether they could log, and where a fit's folder belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctk.contract import Choice
from ctk.plugins import plugins
from ctk.runs import Run


@dataclass(frozen=True)
class FitLocation:
    """The run's folder of a stage's folder, and the fit's name in the run.

    ``name`` is ``<member>/seed-<s>/fold-<f>/stage-<n>``, with ``/copy-<k>`` behind it where a stage trains copies.
    """

    run: Path
    name: str

    @classmethod
    def of(cls, folder: Path) -> FitLocation:
        """Locate a stage's folder; a folder that is in no run is one itself."""
        folder = folder.resolve()
        for run in folder.parents:
            if (run / "config.yaml").is_file() and folder.is_relative_to(run / "members"):
                parts = folder.relative_to(run / "members").parts
                return cls(run, "/".join(part for part in parts if part != "checkpoints"))
        return cls(folder, folder.name)

    @property
    def competition(self) -> str:
        """The competition's id."""
        return self.run.parent.name


def tracker_options(run: Run, name: str, distribution: str) -> dict[str, Any] | None:
    """Find the options of a distribution's tracker; None where the run does not log to it, as a dry run."""
    if run.state().get("dry_run"):
        return None
    for choice in run.config().get("trackers", ()):
        named = choice["name"].rpartition(":")[2] == name
        if named and plugins().get("trackers", choice["name"]).distribution == distribution:
            return {key: value for key, value in choice.items() if key != "name"}
    return None


def check_trackers(trackers: Sequence[Choice]) -> None:
    """Ask every tracker that can tell whether it could log. Raises its CtkError."""
    for tracker in trackers:
        ready = getattr(plugins().load("trackers", tracker.name), "check", None)
        if ready is not None:
            ready(**tracker.options)
