"""What this plugin offers. It is imported in every run; wandb itself only in runs that log to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctk.hookspecs import Register, hookimpl
from ctk.training import tracker_options

if TYPE_CHECKING:
    from ctk.runs import Run

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_trackers(register: Register) -> None:
    register("wandb", "ctk_wandb.tracker:Wandb", "Weights & Biases, online or on this machine alone")


@hookimpl
def ctk_run_finished(run: Run, scores: dict[str, float]) -> None:
    options = tracker_options(run, "wandb", "ctk-wandb")
    if options is not None:
        from ctk_wandb.tracker import log_scores

        log_scores(run, scores, **options)
