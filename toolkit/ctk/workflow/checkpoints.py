"""Loading the models that a run has fitted, as they were when it predicted with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ctk.config.resolve import resolve
from ctk.contract import Member, Model, Progress, RunConfig
from ctk.errors import UsageError
from ctk.plugins import plugins
from ctk.plugins.guard import competition_of
from ctk.runs import FINISHED, RUNNING, Part, Run
from ctk.samples import Data, Samples
from ctk.workflow.features import HandedFeatures, hand_features, plan_features, prepare_frozen
from ctk.workflow.fit import FEATURES, named_as_saved, new_model
from ctk.workflow.prepare import PreparedData, prepare


class FittedRun:
    """A finished run that has members of its own: its config, its data, and the models of its parts.

    run     its folder
    config  what it did, resolved

    Raises UsageError where it is not finished, or a blend of other runs.
    """

    def __init__(self, run: Run) -> None:
        raw, state = run.config(), run.state()["state"]
        if "members" not in raw:
            raise UsageError(f"{run.folder} is a blend of other runs.", "Give one of the runs that were blended.")
        if state != FINISHED:
            further = f"Go on with it: ctk run {run.competition} --resume RUN."
            help = "Wait for its end." if state == RUNNING else further
            raise UsageError(f"{run.folder} is not finished, but {state}.", help)
        self.run = run
        self.config = resolve(raw, plugins())

    def data(self, progress: Progress = lambda what, done, total: None, part: Part | None = None) -> Data:
        """What its members learned from and predicted, read again unless it was kept. Raises DataError.

        With a ``part``, what that one did: with the extracted features that its member was handed.
        """
        prepared = prepare(self.config, competition_of(self.config.competition), plugins(), progress=progress)
        data = prepared.data
        if part is None or not self.config.handed_to(self.member(part)):
            return data
        learned = self.checkpoints(part) / FEATURES
        handed = hand_saved(self.config, self.member(part), prepared, learned, data.train, progress)
        truth = data.truth and replace(data.truth, features=handed.test.features)
        return replace(data, train=handed.train, test=handed.test, truth=truth)

    def member(self, part: Part) -> Member:
        """The config of the member that a part is of."""
        return next(each for each in self.config.members if each.name == part.member)

    def checkpoints(self, part: Part) -> Path:
        """The folder of what a part's model saved; where the run only predicted, in the run that it predicted with."""
        saved = self.run if self.config.checkpoints is None else Run(Path(self.config.checkpoints))
        return saved.checkpoints_folder(part)

    def blank(self, part: Part) -> Model:
        """A model with the options of a part's that was never fitted."""
        return new_model(self.member(part))

    def model(self, part: Part, samples: Samples, device: str = "auto") -> Model:
        """The model that a part was fitted as. ``samples`` (with a target) tell widths, ``device`` is a FitContext's.

        Raises CtkError where what was saved is gone or damaged.
        """
        return load_model(self.member(part), self.checkpoints(part), part, samples, device)


def hand_saved(
    config: RunConfig,
    member: Member,
    prepared: PreparedData,
    learned: Path,
    train: Samples,
    progress: Progress = lambda what, done, total: None,
) -> HandedFeatures:
    """Give training samples and the test the features that a fitted member was handed; ``learned`` is what it saved."""
    plan = plan_features(config, prepared, config.features_of(member), plugins(), train)
    test = prepared.data.test
    prepare_frozen(plan, train, test, plugins(), progress=progress)
    return hand_features(plan, config.handed_to(member), train, test, np.arange(0), learned)


def load_model(member: Member, folder: Path, part: Part, samples: Samples, device: str = "auto") -> Model:
    """Load the model of a member that a part saved in ``folder``. Raises CtkError where that is gone or damaged."""
    model = new_model(member)
    with named_as_saved(folder, part):
        model.load(folder, samples, device)
    return model
