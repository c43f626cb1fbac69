"""What this plugin offers. It is imported in every run; mlflow itself only in runs that log to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctk.hookspecs import Register, hookimpl
from ctk.training import tracker_options

if TYPE_CHECKING:
    from ctk.runs import Run

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_trackers(register: Register) -> None:
    register("mlflow", "ctk_mlflow.tracker:Mlflow", "an MLflow server, or a database of runs on this machine")


@hookimpl
def ctk_run_started(run: Run) -> None:
    options = tracker_options(run, "mlflow", "ctk-mlflow")
    if options is not None:
        from ctk_mlflow.tracker import open_run

        open_run(run, **options)


@hookimpl
def ctk_run_finished(run: Run, scores: dict[str, float]) -> None:
    options = tracker_options(run, "mlflow", "ctk-mlflow")
    if options is not None:
        from ctk_mlflow.tracker import open_run

        tracked = open_run(run, **options)
        tracked.log_metrics(run.final_scores(scores))
        tracked.finalize("success")
