"""The features that a config extracts: which lie in the cache, how large they are, and making what is missing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ctk.contract import Progress, RunConfig
from ctk.plugins import Plugins
from ctk.workflow.features.by_fold import TEST, fold_folder, hand_features
from ctk.workflow.features.extract import named_features, open_columns
from ctk.workflow.features.feature_plan import plan_features
from ctk.workflow.features.frozen import prepare_frozen
from ctk.workflow.prepare import PreparedData
from ctk.workflow.split import draw_folds


@dataclass(frozen=True)
class FeatureState:
    """An extracted feature and what of it lies in the cache.

    name       as the config calls it
    extractor  what makes it
    of         other extracted features that it is given
    by_fold    whether it, or something it is made of, is fitted on the training rows of each fold
    made, all  folders that lie there, of how many: training and test samples, or a folder a fold
    columns    numbers of a row by the features' names, 0 for text; empty where nothing lies there
    size       bytes on the disk
    """

    name: str
    extractor: str
    of: tuple[str, ...]
    by_fold: bool
    made: int
    all: int
    columns: dict[str, int]
    size: int


def extracted_features(
    config: RunConfig,
    prepared: PreparedData,
    plugins: Plugins,
    make: bool = False,
    refresh: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> list[FeatureState]:
    """List the features that a config extracts; with ``make`` those that are missing are made first.

    Those made by fold are of all training rows of the split's folds. Where the config has filters they are made with
    the fits, of the rows that are left.
    """
    data = prepared.data
    plan = plan_features(config, prepared, list(config.features), plugins, data.train)
    if refresh:
        shutil.rmtree(plan.folder, ignore_errors=True)
    by_fold = any(each.by_fold for each in plan.features.values()) and not config.filters
    folds = draw_folds(data.train, config.split)[: config.split.use] if by_fold else []
    if make:
        prepare_frozen(plan, data.train, data.test, plugins, progress=progress)
        for number, fold in enumerate(folds):
            progress("features by fold", number, len(folds))
            hand_features(plan, (), data.train, data.test, fold.train)
            progress("features by fold", number + 1, len(folds))
    states = []
    for name, choice in config.features.items():
        feature = plan.features[name]
        places = [feature.train, feature.test]
        if feature.by_fold:
            places = [fold_folder(plan, feature, data.train, fold.train) for fold in folds]
        made = [place for place in places if place.is_dir()]
        columns = open_columns(made[-1] / TEST if feature.by_fold else made[-1]) if made else {}
        states.append(
            FeatureState(
                name,
                choice.name,
                choice.of,
                feature.by_fold,
                len(made),
                len(places),
                {
                    key: 0 if values.dtype.kind == "U" else int(values[:1].size) if len(values) else 1
                    for key, values in named_features(name, columns).items()
                },
                sum(_bytes(place) for place in made),
            )
        )
    return states


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
