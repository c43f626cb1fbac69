"""Loading the models that a run has fitted, as they were when it predicted with them."""

from __future__ import annotations

from pathlib import Path

from ctk.config.resolve import resolve
from ctk.contract import Model, RunConfig
from ctk.errors import CtkError, UsageError
from ctk.plugins import plugins
from ctk.runs import FINISHED, Part, Run
from ctk.samples import Samples
from ctk.workflow.fit import CHECKPOINTS, new_model


def load_run_config(run: Run) -> RunConfig:
    """Read the config of a finished run that has members of its own. Raises UsageError saying what else it is."""
    raw, state = run.config(), run.state()["state"]
    if "members" not in raw:
        raise UsageError(f"{run.folder} is a blend of other runs.", "Give one of the runs that were blended.")
    if state != FINISHED:
        help = "Wait for its end." if state == "running" else f"Go on with it: ctk run {run.competition} --resume RUN."
        raise UsageError(f"{run.folder} is not finished, but {state}.", help)
    return resolve(raw, plugins())


def checkpoint_folder(run: Run, config: RunConfig, part: Part) -> Path:
    """Find what the part's model saved; of a run that only predicted, it lies in the one it predicted with."""
    saved = run if config.checkpoints is None else Run(Path(config.checkpoints))
    return saved.part_folder(part) / CHECKPOINTS


def load_fitted_model(run: Run, config: RunConfig, part: Part, samples: Samples, device: str = "auto") -> Model:
    """Load the model that a part was fitted as. ``samples`` (with a target) tell widths, ``device`` is a FitContext's.

    Raises CtkError where what was saved is gone or damaged.
    """
    (member,) = (each for each in config.members if each.name == part.member)
    model, folder = new_model(member), checkpoint_folder(run, config, part)
    try:
        model.load(folder, samples, device)
    except CtkError:
        raise
    except Exception as error:  # a damaged file may bring anything: pickle, zip and torch have errors of their own
        raise CtkError(
            f"{folder}: what {part.key}, fold {part.fold} saved there cannot be read ({_first_line(error)}).",
            "Was it moved or damaged? Fit the member anew.",
        ) from error
    return model


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
