"""Features that look at no target: made before the fits, for the training and the test samples by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

from ctk.contract import Progress
from ctk.files import made_over_time
from ctk.plugins import Plugins
from ctk.samples import Array, Samples
from ctk.workflow.features.extract import check_alike, extract_into, make_extractor, named_features, open_columns
from ctk.workflow.features.feature_plan import FeaturePlan, PlannedFeature


def prepare_frozen(
    plan: FeaturePlan,
    train: Samples,
    test: Samples,
    plugins: Plugins,
    say: Callable[[str], None] = lambda line: None,
    progress: Progress = lambda what, done, total: None,
) -> None:
    """Make the features of a plan that are not made by fold, unless they lie in the cache.

    Two that need one at a time make it once; killed, the next goes on behind the last block that was made whole.
    """
    for feature in plan.features.values():
        if feature.by_fold:
            continue
        extractor = make_extractor(feature.choice, plugins, plan.device)
        for what, samples, place in (("train", train, feature.train), ("test", test, feature.test)):
            if len(samples) and not place.is_dir():
                say(f"extracting {feature.name} of {len(samples):,} {what} samples")
                given = add_frozen(plan, feature.choice.of, samples, what)
                extractor.own.of = tuple(name for name in given.features if name not in samples.features)
                with made_over_time(place) as folder:
                    if folder is not None:
                        extract_into(folder, extractor, given, partial(progress, f"{feature.name}, {what}"))
        if len(train):
            check_alike(extractor, open_columns(feature.train), open_columns(feature.test))


def frozen_columns(feature: PlannedFeature, what: str, rows: int) -> dict[str, Array]:
    """Open the columns of a feature for all ``train`` or ``test`` samples, which may be none."""
    if rows:
        return open_columns(feature.train if what == "train" else feature.test)
    return {name: values[:0] for name, values in open_columns(feature.test).items()}


def add_frozen(plan: FeaturePlan, names: Iterable[str], samples: Samples, what: str) -> Samples:
    """Give all ``train`` or ``test`` samples those of the features ``names`` that are not made by fold."""
    added: dict[str, Array] = {}
    for name in names:
        if not plan.features[name].by_fold:
            added |= named_features(name, frozen_columns(plan.features[name], what, len(samples)))
    return with_features(samples, added)


def with_features(samples: Samples, added: Mapping[str, Array]) -> Samples:
    """Return samples with further features."""
    return replace(samples, features={**samples.features, **added}) if added else samples
