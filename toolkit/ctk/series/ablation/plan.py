"""The plan of an ablation, written down so that it can be gone on with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctk.config.overrides import override
from ctk.config.resolve import resolve
from ctk.contract import Execution, RunConfig
from ctk.errors import DamagedError, UsageError
from ctk.files import is_folder_name, read_json, write_json
from ctk.plugins import plugins
from ctk.plugins.guard import competition_of
from ctk.runs import Run, find_shortened, nearest_shortened
from ctk.runs.records import PlanFile
from ctk.series.ablation import BASE, PLAN
from ctk.workflow.pools import choose_workers


@dataclass(frozen=True)
class AblationPlan:
    """An ablation that is ready to be run.

    folder     <runs>/<competition>/<time>-<name>; each run lies in <variant>/seed-<s> below it
    seeds      that the base and every variant are run with
    overrides  by variant, the base without: what it changes, "key=value" each
    configs    by variant, the base first: resolved, without the seed
    execution  where the runs are made, workers and threads as numbers
    """

    folder: Path
    seeds: tuple[int, ...]
    overrides: Mapping[str, Sequence[str]]
    configs: Mapping[str, RunConfig]
    execution: Execution

    @property
    def competition(self) -> str:
        """The competition's name."""
        return self.configs[BASE].competition

    def save(self) -> None:
        """Write ``plan.json``."""
        write_json(
            self.folder / PLAN,
            {
                "competition": self.competition,
                "seeds": list(self.seeds),
                "overrides": {name: list(each) for name, each in self.overrides.items()},
                "configs": {name: config.plain() for name, config in self.configs.items()},
                "executor": self.execution.model_dump(mode="json"),
            },
        )


def find_ablation(text: str, root: Path) -> Path:
    """Find an ablation's folder by its path, or by a part of its name that no other under ``root`` has.

    Raises UsageError unless one fits.
    """
    if (Path(text) / PLAN).is_file():
        return Path(text)
    folders = [path.parent for path in sorted(root.glob(f"*/*/{PLAN}"))]
    if (found := find_shortened(text, folders, "ablations")) is None:
        raise UsageError(f"There is no ablation '{text}' under {root}.", nearest_shortened(text, folders))
    return found


def read_plan(folder: Path, execution: Sequence[str] = ()) -> AblationPlan:
    """Read the plan of an ablation's folder; ``execution`` are overrides of its executor.

    The threads of a run stay what they were, so that it gives what it would have given. Raises DamagedError for a plan
    that cannot be read, UsageError where what it needs is not installed any more.
    """
    try:
        known: dict[str, Any] = read_json(folder / PLAN, PlanFile)
        names = known["configs"].keys() - {BASE}
        if BASE not in known["configs"] or names != known["overrides"].keys() or not all(map(is_folder_name, names)):
            raise DamagedError(f"{folder / PLAN}: configs and overrides are not of the same variants.")
    except DamagedError as error:
        problem = error.problem.removeprefix(f"{folder / PLAN}").strip(",:. ")
        help = "Was it edited? Start the ablation anew."
        raise DamagedError(f"{folder / PLAN}: cannot be read ({problem}).", help) from None
    seeds, overrides, configs = tuple(known["seeds"]), known["overrides"], known["configs"]
    raw, threads = {"executor": known["executor"]}, known["executor"].get("threads", 0)
    for assignment in execution:
        override(raw, assignment)
    resolved = {name: resolve(config | raw, plugins()) for name, config in configs.items()}
    executor = resolved[BASE].executor.model_copy(update={"threads": threads})
    return AblationPlan(folder, seeds, overrides, resolved, choose_workers(executor, len(seeds) * len(resolved)))


def start_ablation(
    configs: Mapping[str, RunConfig],
    overrides: Mapping[str, Sequence[str]],
    seeds: Sequence[int],
    root: Path,
    name: str,
) -> AblationPlan:
    """Make an ablation's folder. Raises UsageError where nothing could be compared, before anything runs."""
    if len(set(seeds)) < len(seeds) or not seeds:
        raise UsageError(f"--seeds {','.join(map(str, seeds))}: each seed is given once, and at least one.")
    for variant, resolved in configs.items():
        _refuse_unused(variant, resolved, configs[BASE])
    plain = {variant: config.plain() for variant, config in configs.items()}
    for number, (variant, config) in enumerate(plain.items()):
        for other in list(plain)[:number]:
            if config == plain[other]:
                help = f"It sets {', '.join(overrides[variant])}, which is so already."
                raise UsageError(f"Variant '{variant}' is the same as '{other}'.", help if other == BASE else "")
    base = configs[BASE]
    execution = choose_workers(base.executor, len(seeds) * len(configs))
    folder = Run.create(root, competition_of(base.competition).id, name).folder
    plan = AblationPlan(folder, tuple(seeds), overrides, configs, execution)
    plan.save()
    return plan


def _refuse_unused(variant: str, config: RunConfig, base: RunConfig) -> None:
    """A variant that sets what all runs of an ablation share would be compared as if that had counted."""
    if config.seeds != base.seeds:
        raise UsageError(
            f"Variant '{variant}' sets seeds, but an ablation's runs all have those of --seeds.",
            "A member's own can be set: members.NAME.seeds.",
        )
    if config.executor != base.executor:
        raise UsageError(
            f"Variant '{variant}' sets executor, but an ablation's runs are all made in one place.",
            "Set it for all of them: --executor, --workers, or -o executor.KEY=VALUE.",
        )
