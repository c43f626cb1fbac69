"""Submissions of a run's single members, from their stored predictions."""

from __future__ import annotations

from pathlib import Path

from ctk.config.resolve import resolve
from ctk.contract import find_members
from ctk.plugins import plugins
from ctk.plugins.guard import competition_of
from ctk.runs import Run
from ctk.workflow.bundles import fitted_members, write_bundle
from ctk.workflow.predictions import combine_folds, parts_by_key
from ctk.workflow.prepare import prepare
from ctk.workflow.write_submission import write_submission


def fitted_keys(run: Run, member: str) -> list[str]:
    """List the keys of a run's fitted members that a name stands for. Raises UsageError for none."""
    return find_members(member, parts_by_key(run), str(run.folder))


def write_member_submissions(run: Run, member: str) -> list[Path]:
    """Write a submission of each seed of a member into its folder, the mean of its folds.

    Raises UsageError where there is none, DataError.
    """
    config = resolve(run.config(), plugins())
    competition = competition_of(config.competition)
    data = prepare(config, competition, plugins()).data
    written = []
    for key in fitted_keys(run, member):
        _, prediction = combine_folds(run, parts_by_key(run)[key], data.test.ids, data.train.gallery is not None)
        path = run.folder / "members" / key / config.submission_name(competition.formats)
        if competition.bundled:
            write_bundle(path, competition, fitted_members(run, {key: 1.0}), data.test, config)
        else:
            write_submission(path, competition, prediction, data)
        written.append(path)
    return written
