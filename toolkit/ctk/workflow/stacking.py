"""Members whose features are other members' predictions: out of fold to learn from, of the test for the test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import numpy as np

from ctk.contract import Member, RunConfig, UsedMember
from ctk.errors import UsageError, nearest
from ctk.runs import FINISHED, Part, Run
from ctk.samples import Array, Samples
from ctk.workflow.predictions import combine_folds, same_ids
from ctk.workflow.split import Fold
from ctk.workflow.split.division import Division


def asked_runs(members: Iterable[Member], root: Path) -> tuple[Member, ...]:
    """Return members with the full folders of the other runs whose members they ask.

    Raises UsageError where such a run is not finished, or has no such member.
    """

    def find(member: Member, used: UsedMember) -> str:
        run = Run.find(used.run, root)
        if (state := run.state()["state"]) != FINISHED:
            raise UsageError(f"Member '{member.name}' uses '{used.member}' of {run.folder}, which is {state}.")
        if used.member not in (names := sorted({part.member for part in run.parts()})):
            problem = f"Member '{member.name}' uses '{used.member}' of {run.folder}, which has no such member."
            raise UsageError(problem, nearest(used.member, names, "members"))
        return str(run.folder.resolve())

    return tuple(member.with_runs(partial(find, member)) for member in members)


def asked_parts(run: Run, asked: Iterable[str | UsedMember]) -> list[tuple[Run, list[Part]]]:
    """List the fitted parts of each member that is asked and of each of its seeds, with the run that has them."""
    found = []
    for used in asked:
        name, whose = (used, run) if isinstance(used, str) else (used.member, Run(Path(used.run)))
        parts = [part for part in whose.parts() if part.member == name]
        found += [(whose, [part for part in parts if part.key == key]) for key in dict.fromkeys(p.key for p in parts)]
    return found


def check_used(config: RunConfig, run: Run, train: Samples, test: Samples, division: Division | None) -> None:
    """Raise UsageError where what members ask others for could not be learned from, before anything is fitted.

    division  the run's folds; None where saved members only predict. Members of other runs must have the same ones:
              with others, rows that a fold validates would have been trained on by what it is given
    """
    for member in config.members:
        for whose, parts in asked_parts(run, member.asks):
            if whose.folder != run.folder:
                _check_folds(member, whose, parts, train, test, division)
        if member.uses and train.predicts_text:
            raise UsageError(
                f"Member '{member.name}' uses other members, and these predict text, not numbers to learn from.",
                "Leave uses out, and blend them: blend: vote.",
            )
        if member.uses and division is not None:
            _deviations(member, train)
            for fold in division.folds:
                if not (division.fold_of_row[fold.train] >= 0).any():
                    raise _nothing_to_learn_from(member, config)


def _check_folds(
    member: Member, whose: Run, parts: list[Part], train: Samples, test: Samples, division: Division | None
) -> None:
    problem = f"Member '{member.name}' uses '{parts[0].member}' of {whose.folder}, "
    if not np.isin(test.ids, whose.predictions(parts[0], "test").ids).all():
        raise UsageError(f"{problem}which did not predict these test samples.", "Use one of a run of the same data.")
    if division is None:
        return
    if len(parts) != len(division.folds):
        raise UsageError(
            f"{problem}which has {len(parts)} folds, and this run has {len(division.folds)}.",
            "Both must be split alike: same scheme, folds and seed.",
        )
    for part, fold in zip(sorted(parts, key=lambda part: part.fold), division.folds, strict=True):
        if not same_ids(whose.predictions(part, "oof").ids, train.ids[fold.valid]):
            raise UsageError(
                f"{problem}whose fold {part.fold} validates other samples than this run's.",
                "Both must be split alike: same scheme, folds and seed.",
            )


def _nothing_to_learn_from(member: Member, config: RunConfig) -> UsageError:
    chained = config.split.drawn_by == "time" and config.split.chain
    return UsageError(
        f"Member '{member.name}' uses out-of-fold predictions of rows that no fold validated.",
        "Validate on every block of time: -o split.chain=false."
        if chained
        else "Validate on every fold, for example -o split.folds=5 -o split.use=5.",
    )


def with_used(
    config: RunConfig, run: Run, member: Member, part: Part, train: Samples, test: Samples, fold: Fold
) -> tuple[Samples, Samples, Fold]:
    """Add what a member uses as features ``oof/NAME/seed-SEED``, (N, ...) float32.

    Rows that no fold validated have none and cannot be learned from. The fold's training rows, and these alone, get
    the member's noise. Raises UsageError where no row is left.
    """
    features: dict[str, Array] = dict(train.features)
    test_features: dict[str, Array] = dict(test.features)
    known = np.ones(len(train), dtype=bool)
    deviations = _deviations(member, train)
    for number, (whose, parts) in enumerate(asked_parts(run, member.uses)):
        oof, predicted = combine_folds(whose, parts, test.ids, train.gallery is not None)
        rows = np.isin(train.ids, oof.ids)
        known &= rows
        order = np.argsort(oof.ids)
        values = np.zeros((len(train), *oof.values.shape[1:]), dtype=np.float32)
        values[rows] = oof.values[order[np.searchsorted(oof.ids, train.ids[rows], sorter=order)]]
        if deviations is not None:
            random = np.random.default_rng([part.seed, part.fold, number])
            drawn = random.standard_normal((len(fold.train), *values.shape[1:]), dtype=np.float32)
            values[fold.train] += drawn * deviations.astype(np.float32)
        features[f"oof/{parts[0].key}"], test_features[f"oof/{parts[0].key}"] = values, predicted
    learned = fold.train[known[fold.train]]
    if len(train) and not len(learned):  # saved members may predict a test alone
        raise _nothing_to_learn_from(member, config)
    return replace(train, features=features), replace(test, features=test_features), Fold(learned, fold.valid)


def _deviations(member: Member, train: Samples) -> Array | None:
    """Return the noise's standard deviation: of all numbers, or (D,) of the target's columns; None for none.

    Raises UsageError for a column that the target has not.
    """
    if not isinstance(member.noise, dict):
        return np.array(member.noise) if member.noise else None
    names = [] if train.targets is None else train.targets.names.tolist()
    deviations = np.zeros(len(names))
    for pattern, deviation in member.noise.items():
        fitting = [number for number, name in enumerate(names) if fnmatchcase(name, pattern)]
        if not fitting:
            problem = f"Member '{member.name}' has noise for '{pattern}', which is no column of the target."
            raise UsageError(problem, nearest(pattern, names, "columns") if names else "Give one number for all.")
        deviations[fitting] = deviation
    return deviations
