"""Which features a run extracts, what each is made of, and where it lies in the cache."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from ctk.contract import FeatureChoice, RunConfig
from ctk.errors import UsageError
from ctk.files import cache_folder, fingerprint, path_stamps
from ctk.plugins import Plugins
from ctk.plugins.code import fingerprint_code
from ctk.samples import Samples
from ctk.workflow.features.extract import make_extractor
from ctk.workflow.prepare import PreparedData


@dataclass(frozen=True)
class PlannedFeature:
    """An extracted feature of a run.

    name     as the config calls it
    choice   its extractor, with options
    key      a name for the extractor, its code, its options, the files that these name, and those of what it is made of
    by_fold  whether it, or something it is made of, is fitted on the training rows of each fold
    learns   whether it is fitted itself
    train, test  folders of its columns, where it is not made by fold
    """

    name: str
    choice: FeatureChoice
    key: str
    by_fold: bool
    learns: bool
    train: Path
    test: Path


@dataclass(frozen=True)
class FeaturePlan:
    """The extracted features of a run that its members are handed, and those that these are made of, in their order.

    data      a name for the data: folder of its features below the cache's
    features  by name
    device    the run's: auto, cpu or gpu
    """

    data: str
    features: dict[str, PlannedFeature]
    device: str = "auto"

    @property
    def folder(self) -> Path:
        """Where all that is extracted from this data lies, on this machine."""
        return cache_folder() / "features" / self.data

    def of(self, names: Collection[str]) -> FeaturePlan:
        """Return a copy with some features alone."""
        return replace(self, features={name: each for name, each in self.features.items() if name in names})

    def folders(self) -> tuple[Path, ...]:
        """List the folders that hold columns before the fits."""
        frozen = [each for each in self.features.values() if not each.by_fold]
        return tuple(folder for each in frozen for folder in (each.train, each.test))

    def with_paths(self, to: Callable[[Path], Path]) -> FeaturePlan:
        """Return a copy whose folders are mapped by ``to``."""
        moved = {name: replace(each, train=to(each.train), test=to(each.test)) for name, each in self.features.items()}
        return replace(self, features=moved)


NO_FEATURES = FeaturePlan("", {})


def plan_features(
    config: RunConfig, prepared: PreparedData, names: Collection[str], plugins: Plugins, train: Samples
) -> FeaturePlan:
    """Plan the features ``names`` of a config, each behind those that it is made of.

    ``train`` are the training samples; a dry run has fewer than there are. Raises UsageError where a feature is called
    as one of the data's, PluginError where an extractor cannot be made.
    """
    data = f"{config.competition.rpartition(':')[2]}/{prepared.place.name}"
    plan = FeaturePlan(data, {}, config.device)
    for name in names:
        choice = config.features[name]
        for known in train.features:
            if known == name or known.startswith(f"{name}/"):
                raise UsageError(
                    f"Config key 'features.{name}': the data has a feature '{known}' of that name.",
                    "Call what is extracted otherwise.",
                )
        extractor = make_extractor(choice, plugins)
        made_of = [plan.features[other] for other in choice.of]
        code = fingerprint_code(extractor.guard.component, extractor.own, plugins)
        stamps = path_stamps(choice.options)
        print_of_all = fingerprint(choice.options, stamps, code, [[each.name, each.key] for each in made_of])
        key = f"{extractor.guard.component.name}-{print_of_all}"
        plan.features[name] = PlannedFeature(
            name,
            choice,
            key,
            by_fold=extractor.learns or any(each.by_fold for each in made_of),
            learns=extractor.learns,
            train=plan.folder / f"{key}-train-{len(train)}",
            test=plan.folder / f"{key}-test",
        )
    return plan
