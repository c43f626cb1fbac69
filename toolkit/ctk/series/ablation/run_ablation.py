"""Making an ablation's runs, and what of them is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ctk.files import remove_unfinished
from ctk.plugins import plugins
from ctk.plugins.guard import competition_of, metric_of
from ctk.runs import FINISHED, RUNNING, Run
from ctk.series.ablation import BASE
from ctk.series.ablation.ablation_page import write_page
from ctk.series.ablation.outcome import Ablation
from ctk.series.ablation.plan import AblationPlan
from ctk.series.trials import Trial, TrialOutcome, run_trials
from ctk.workflow.observer import Observer, SilentObserver
from ctk.workflow.prepare import prepare
from ctk.workflow.run_ending import record_ending

DOING = "runs of the ablation"


def run_ablation(plan: AblationPlan, observer: Observer | None = None) -> Ablation:
    """Make whatever run is not made yet, and return what they say; tables and page are in the ablation's folder.

    A run that fails is told of and the others go on. Ctrl-C and SIGTERM leave an ablation that can be gone on with.
    """
    watcher = observer or SilentObserver()
    known = competition_of(plan.competition)
    metric = metric_of(plan.configs[BASE].metric or known.metric)
    place = Run(plan.folder)
    trials = list(_trials(plan))
    scores: dict[str, dict[int, float]] = {name: {} for name in plan.configs}
    problems: dict[str, dict[int, str]] = {}
    with place.locked(), record_ending(place, f"Go on with: ctk ablate {known.id} --resume {plan.folder}"):
        remove_unfinished(plan.folder)
        place.set_state(RUNNING)
        # With a bar here; the trials find it made.
        watcher.say(prepare(plan.configs[BASE], known, plugins(), watcher.say, watcher.working).data.about)
        watcher.working(DOING, 0, len(trials))
        with closing(run_trials(trials, plan.execution, plan.folder)) as outcomes:
            for done, (trial, outcome) in enumerate(outcomes, start=1):
                variant, seed = _variant_and_seed(trial.folder)
                if math.isfinite(outcome.score):
                    scores[variant][seed] = outcome.score
                else:
                    problems.setdefault(variant, {})[seed] = _describe_problem(outcome)
                place.log(_describe(variant, seed, metric.name, outcome))
                watcher.say(_describe(variant, seed, metric.name, outcome))
                watcher.working(DOING, done, len(trials))
        ablation = Ablation(plan.folder, known.title, metric, plan.seeds, plan.overrides, scores, problems)
        ablation.write_tables()
        write_page(ablation, plan.folder / "ablation.html")
        place.set_state(FINISHED)
    return ablation


def _trials(plan: AblationPlan) -> Iterator[Trial]:
    """All variants with the first seed, then with the next: what was made before a kill can be compared."""
    for seed in plan.seeds:
        for name, config in plan.configs.items():
            folder = plan.folder / name / f"seed-{seed}"
            changed = (*plan.overrides.get(name, ()), f"seeds=[{seed}]")
            yield Trial(folder, config.model_copy(update={"seeds": (seed,)}), changed)


def _variant_and_seed(folder: Path) -> tuple[str, int]:
    return folder.parent.name, int(folder.name.removeprefix("seed-"))


def _describe_problem(outcome: TrialOutcome) -> str:
    return outcome.problem or f"Its score is {outcome.score}."


def _describe(variant: str, seed: int, metric: str, outcome: TrialOutcome) -> str:
    if math.isfinite(outcome.score):
        return f"{variant} seed {seed}: {metric} {outcome.score:.4f}"
    return f"{variant} seed {seed} failed: {_describe_problem(outcome)}"
