"""Handing extracted features to a member: frozen ones as they lie there, those that learn fitted on the fold's rows."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ctk.errors import DamagedError
from ctk.files import fingerprint, made_over_time
from ctk.samples import Array, Samples
from ctk.workflow.features.extract import (
    check_alike,
    extract,
    join_rows,
    make_extractor,
    named_features,
    open_columns,
    save_columns,
)
from ctk.workflow.features.feature_plan import FeaturePlan, PlannedFeature
from ctk.workflow.features.frozen import frozen_columns, with_features

TRAIN, TEST, STATE = "train", "test", "state"
"""Folders of what was made: columns of all training samples, of the test, and what was learned."""


@dataclass(frozen=True)
class HandedFeatures:
    """The samples of a fold with the extracted features that a member is handed.

    learned  folders of what extractors learned from the fold, by feature
    """

    train: Samples
    test: Samples
    learned: dict[str, Path]

    def save(self, folder: Path) -> None:
        """Keep what was learned, so that other samples can be given the same features."""
        for name, state in self.learned.items():
            shutil.copytree(state, folder / name, dirs_exist_ok=True)


def hand_features(
    plan: FeaturePlan, names: Collection[str], train: Samples, test: Samples, learned: Array, saved: Path | None = None
) -> HandedFeatures:
    """Give training and test samples the features ``names``.

    plan     these, and what they are made of
    learned  (R,) rows of train: what extractors that learn are fitted on, and nothing else
    saved    folder of ``HandedFeatures.save``: nothing is fitted, what was learned then extracts
    """
    columns: dict[str, tuple[dict[str, Array], dict[str, Array]]] = {}
    states: dict[str, Path] = {}
    for feature in plan.features.values():
        if not feature.by_fold:
            columns[feature.name] = (
                frozen_columns(feature, "train", len(train)),
                frozen_columns(feature, "test", len(test)),
            )
            continue
        of_train = _merged(feature.choice.of, [columns[other][0] for other in feature.choice.of])
        of_test = _merged(feature.choice.of, [columns[other][1] for other in feature.choice.of])
        given = with_features(train, of_train), with_features(test, of_test)
        extractor = make_extractor(feature.choice, device=plan.device)
        extractor.own.of = tuple(of_test)
        if saved is not None:
            columns[feature.name] = _extract_saved(feature, extractor, *given, saved)
            continue
        place = fold_folder(plan, feature, train, learned)
        with made_over_time(place) as folder:
            if folder is not None:
                _make(folder, feature, extractor, *given, learned)
        columns[feature.name] = open_columns(place / TRAIN), open_columns(place / TEST)
        if feature.learns:
            states[feature.name] = place / STATE
    handed = [name for name in plan.features if name in names]
    return HandedFeatures(
        with_features(train, _merged(handed, [columns[name][0] for name in handed])),
        with_features(test, _merged(handed, [columns[name][1] for name in handed])),
        states,
    )


def fold_folder(plan: FeaturePlan, feature: PlannedFeature, train: Samples, learned: Array) -> Path:
    """Name the folder of a feature that is made by fold: by the training samples, and those that are learned from."""
    return plan.folder / f"{feature.key}-{fingerprint(_digest(train.ids), _digest(train.ids[learned]))}"


def _make(folder: Path, feature: PlannedFeature, extractor: Any, train: Samples, test: Samples, learned: Array) -> None:
    """Fit an extractor on the learned rows, if it learns, and write the columns of all rows."""
    shutil.rmtree(folder)  # a killed one left it
    (folder / STATE).mkdir(parents=True)
    if feature.learns:
        own = extractor.fit_extract(train.take(learned), lambda done, total: None)
        rest = np.delete(np.arange(len(train)), learned)
        parts = [own, extract(extractor, train.take(rest))] if len(rest) else [own]
        order = np.argsort(np.concatenate([learned, rest]))
        columns = {name: values[order] for name, values in join_rows(extractor, parts).items()}
        extractor.save(folder / STATE)
    else:
        columns = extract(extractor, train)
    of_test = extract(extractor, test)
    check_alike(extractor, columns, of_test)
    save_columns(folder / TRAIN, train, columns)
    save_columns(folder / TEST, test, of_test)


def _extract_saved(
    feature: PlannedFeature, extractor: Any, train: Samples, test: Samples, saved: Path
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Extract with what was learned before. Raises DamagedError where that is gone."""
    if feature.learns:
        folder = saved / feature.name
        if not folder.is_dir():
            raise DamagedError(
                f"{folder}: there is no such folder, and feature '{feature.name}' was saved there.",
                "Was it moved? Fit the member anew.",
            )
        extractor.load(folder)
    of_test = extract(extractor, test)
    if not len(train):
        return {name: values[:0] for name, values in of_test.items()}, of_test
    return extract(extractor, train), of_test


def _merged(names: Iterable[str], columns: Iterable[Mapping[str, Array]]) -> dict[str, Array]:
    """Return the columns of several features, as what members read them by."""
    merged: dict[str, Array] = {}
    for name, own in zip(names, columns, strict=True):
        merged |= named_features(name, own)
    return merged


def _digest(ids: Array) -> str:
    """Return a short name for exactly these ids, in their order."""
    return hashlib.sha256(f"{ids.dtype} {len(ids)} ".encode() + np.ascontiguousarray(ids).tobytes()).hexdigest()
