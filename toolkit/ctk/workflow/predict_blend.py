"""Predicting other data with a blend of runs: each run's saved members predict, and the saved weights blend them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ctk.contract import Results, RunConfig
from ctk.runs import Run
from ctk.workflow.blend_runs import execute_blend, plan_blend
from ctk.workflow.blended_runs import blended_runs
from ctk.workflow.observer import Observer
from ctk.workflow.plan_run import start_run
from ctk.workflow.run import execute_run

Configured = Callable[[Path], tuple[RunConfig, list[str]]]
"""From the folder of a saved run to the config that predicts with its members, and what was given of it."""


def predict_blend(blend: Run, configured: Configured, root: Path, name: str, observer: Observer) -> Results:
    """Predict with the runs of a blend, below the new run's folder, and blend them by the weights that it saved.

    Raises UsageError where the blend is of files too, which cannot predict anything else.
    """
    saved = blend.config()
    run = Run.create(root, str(saved["competition"]).rpartition(":")[2], name)
    try:
        runs: dict[str, Run] = {}
        for number, (prefix, source) in enumerate(blended_runs(blend).items()):
            config, assigned = configured(source)
            plan = start_run(config, root, name, assigned, folder=run.folder / "sources" / str(number) / source.name)
            execute_run(plan, observer)
            runs[prefix] = plan.run
        folders = [str(each.folder) for each in runs.values()]
        again = plan_blend(folders, root, weights_of=str(blend.folder), postprocess=saved.get("postprocess", True))
        again = replace(again, runs=runs, members=tuple(saved.get("chosen", ())), whole=saved.get("whole", False))
        return execute_blend(again, root, name, observer, run)
    except BaseException:
        if not (run.folder / "config.yaml").exists():  # it could be neither shown nor resumed
            shutil.rmtree(run.folder, ignore_errors=True)
        raise
