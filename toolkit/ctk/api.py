"""Everything the command line does, from Python.

    import ctk

    results = ctk.run("my-competition", seeds=[1, 2])
    results.scores["blend"]["mrr_gallery"]

Members are fitted in spawned processes: a script that calls ``run`` needs the usual ``if __name__ == "__main__":``, or
``overrides=["executor.name=serial"]``.

Plugins that make or read runs themselves (searches, exporters, executors) find here what that takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ctk.config.checked_arguments import checked
from ctk.config.overrides import override, read_yaml
from ctk.config.resolve import base_config, checkpoints_config, resolve
from ctk.config.split_overrides import split_overrides
from ctk.contract import Bundle, FittedMember, Progress, Results, RunConfig, Submission
from ctk.contract.schema import merge_configs, validate_config
from ctk.errors import UsageError
from ctk.files import remove_unfinished, write_text
from ctk.packing import LIMIT, PLATFORM, PYTHON, PackedRun, TargetImage, pack_run, parse_size
from ctk.plugins import plugins
from ctk.plugins.component_options import resolve_choice
from ctk.plugins.guard import Guard, competition_of, metric_of
from ctk.plugins.workers import copy_plugins, unpickle, worker_variables
from ctk.runs import Run, runs_root
from ctk.series.ablation import BASE
from ctk.series.ablation.outcome import Ablation
from ctk.series.ablation.plan import AblationPlan, start_ablation
from ctk.series.ablation.run_ablation import run_ablation
from ctk.series.ablation.variants import EXAMPLE
from ctk.series.trials import Epoch, Trial, TrialOutcome, read_epochs, run_trial, run_trials
from ctk.workflow import fit_clock
from ctk.workflow.apply_filters import apply_filters, link_pictures
from ctk.workflow.blend_runs import execute_blend, plan_blend
from ctk.workflow.bundles import fitted_members as members_of
from ctk.workflow.checkpoints import FittedRun
from ctk.workflow.features import FeatureState, extracted_features
from ctk.workflow.observer import Observer
from ctk.workflow.plan_run import RunPlan, reopen_run, start_run
from ctk.workflow.pools import choose_workers
from ctk.workflow.predict_blend import predict_blend
from ctk.workflow.prepare import prepare, prepare_test
from ctk.workflow.run import execute_run
from ctk.workflow.run_ending import interrupt_on_sigterm
from ctk.workflow.shell import shell_observer

__all__ = [
    "Epoch",
    "FeatureState",
    "FittedRun",
    "Guard",
    "PackedRun",
    "Trial",
    "TrialOutcome",
    "ablate",
    "blend_runs",
    "checked",
    "choose_workers",
    "competition_of",
    "configured",
    "copy_plugins",
    "cross_validate",
    "extract_features",
    "filter_data",
    "fitted_members",
    "interrupt_on_sigterm",
    "metric_of",
    "override",
    "pack",
    "plan",
    "plan_ablation",
    "predict_with_blend",
    "read_epochs",
    "read_yaml",
    "resolve_choice",
    "resume",
    "run",
    "run_trial",
    "run_trials",
    "score",
    "shell_observer",
    "unpickle",
    "validate",
    "worker_variables",
]


@checked
def run(competition: str, *, observer: Observer | None = None, **how: Any) -> Results:
    """Train, blend, submit, report; ``how`` as for ``plan``. Raises CtkError for all that a user can mend.

    Without an ``observer`` a notebook and IPython show how it goes, a script nothing; so it is below.
    """
    began = fit_clock.now()
    planned = plan(competition, **how)
    planned.began = began
    return _executed(planned, observer)


@checked
def resume(
    name: str,
    *,
    data: Path | None = None,
    overrides: Sequence[str] = (),
    root: Path | None = None,
    observer: Observer | None = None,
) -> Results:
    """Go on with a run that was interrupted, failed or killed, by its folder or a part of its name.

    ``data`` is where its data lies, if that was elsewhere where it began. ``overrides``, "key=value" each, change its
    blend, its submission or its time limit, which begins anew; the fits stay.
    """
    found = Run.find(name, root or runs_root())
    return _executed(reopen_run(found, overrides=overrides, data_dir=data), observer)


def _executed(planned: RunPlan, observer: Observer | None) -> Results:
    return execute_run(planned, observer or shell_observer(planned.metric.name))


@checked
def cross_validate(
    competition: str,
    *,
    folds: int = 5,
    scheme: str = "group",
    group: str | None = None,
    stratify: str | None = None,
    overrides: Sequence[str] = (),
    observer: Observer | None = None,
    **how: Any,
) -> Results:
    """A run that validates on every fold; its results' ``folds`` has the scores by fold.

    scheme    "kfold", "stratified" (both row by row), "group", "stratified-group" or "time" (blocks, each trained on
              what is earlier)
    group     of the samples: it stays on one side, or is the time; None is the preset's
    stratify  group whose shares are alike in every fold; None is the target
    how       as for ``plan``
    """
    split = split_overrides(folds, scheme, group, stratify)
    return run(competition, overrides=[*split, *overrides], observer=observer, **how)


@checked
def ablate(
    competition: str, variants: Mapping[str, Sequence[str]], *, observer: Observer | None = None, **how: Any
) -> Ablation:
    """Run a config and variants of it with the same seeds; which differences are more than the seeds' spread.

    ``variants`` are overrides by name, ``how`` as for ``plan_ablation``. A run that fails is among the result's
    ``problems``; CtkError is raised for what concerns all of them.
    """
    return run_ablation(plan_ablation(competition, variants, **how), observer or shell_observer())


@checked
def plan_ablation(
    competition: str,
    variants: Mapping[str, Sequence[str]],
    *,
    seeds: Sequence[int] = (1, 2, 3),
    overrides: Sequence[str] = (),
    name: str = "ablation",
    root: Path | None = None,
    **how: Any,
) -> AblationPlan:
    """Make an ablation's folder, ready to be carried out. All variants are resolved first. Raises UsageError.

    variants   by name, what each changes in the base, "key=value" each; none: those of the competition, whose base is
               its preset "ablation" unless ``how`` says another
    seeds      the base and each variant are run with each
    overrides  of the base, "key=value" each
    how        data, preset and config, as for ``configured``
    """
    if any(each.partition("=")[0] == "seeds" for each in overrides):
        raise UsageError("The runs of an ablation have the seeds of --seeds.", "Leave -o seeds out.")
    if not variants:
        variants = competition_of(competition).variants()
        if not variants:
            raise UsageError("An ablation needs a variant.", EXAMPLE)
        how = {"preset": "ablation", **{key: value for key, value in how.items() if value is not None}}
    usual, _ = configured(competition, **how)
    # A run of an ablation has one seed, and what is blended takes it: members of fixed seeds would show no spread.
    base = [f"members.{n}.seeds=null" for n, member in enumerate(usual.members) if member.seeds and member.blend]
    base += overrides
    configs = {BASE: configured(competition, overrides=base, **how)[0]}
    for variant, changes in variants.items():
        configs[variant] = configured(competition, overrides=[*base, *changes], **how)[0]
    return start_ablation(configs, variants, seeds, root or runs_root(), name)


@checked
def plan(
    competition: str,
    *,
    name: str | None = None,
    dry_run: bool = False,
    root: Path | None = None,
    refresh: bool = False,
    **how: Any,
) -> RunPlan:
    """Make a run's folder, ready to be carried out; ``how`` as for ``configured``.

    dry_run    two steps of every member on a slice
    root       folder of runs; None is $CTK_RUNS or ./runs
    refresh    prepare the data anew, though it was prepared before
    """
    config, assigned = configured(competition, **how)
    called = name or ("dry-run" if dry_run else config.preset)
    plan = start_run(config, root or runs_root(), called, assigned, dry_run)
    return replace(plan, refresh=refresh)


@checked
def configured(
    competition: str,
    *,
    data: Path | str | None = None,
    preset: str | None = None,
    config: Path | str | Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
    checkpoints: Path | str | None = None,
) -> tuple[RunConfig, list[str]]:
    """A run's config from defaults < preset < config < overrides < seeds, and what was given of it as "key=value".

    data       folder of the competition's files; None is its embedded default data
    preset     a named config; None is the competition's default for the data
    config     a YAML file, or a mapping, laid over the preset
    overrides  "key=value" each, as after -o
    checkpoints  folder of a run: nothing is fitted, its members and blend predict. Its config takes the preset's place
    """
    known = competition_of(competition)
    if checkpoints is not None and preset is not None:
        raise UsageError("The saved run's config takes the preset's place: give --checkpoints or --preset.")
    raw = base_config(known, data, preset) if checkpoints is None else checkpoints_config(known, checkpoints, data)
    if config is not None:
        raw = merge_configs(raw, config if isinstance(config, Mapping) else read_yaml(Path(config)))
    assigned = [f"data={Path(data).name}"] if data is not None else []
    assigned += [f"config={Path(config).name}"] if isinstance(config, (str, Path)) else []
    assigned += overrides
    raw = deepcopy(raw)  # what is overridden may be the caller's, or a preset that is given again
    for assignment in overrides:
        override(raw, assignment)
    if seeds is not None:
        raw["seeds"] = list(seeds)
        assigned.append(f"seeds={raw['seeds']}")
    resolved = resolve(raw, plugins())
    if resolved.data_dir:  # whole, so that a run can be gone on with from anywhere
        whole = str(Path(resolved.data_dir).expanduser().resolve())
        resolved = resolved.model_copy(update={"data_dir": whole})
    return resolved, assigned


@checked
def blend_runs(
    sources: Sequence[str | Path],
    *,
    blender: str | None = None,
    options: Sequence[str] = (),
    members: Sequence[str] = (),
    weights_of: str | None = None,
    postprocess: bool = True,
    competition: str | None = None,
    data: Path | None = None,
    name: str = "blend",
    root: Path | None = None,
    observer: Observer | None = None,
) -> Results:
    """Blend members of some runs, and submission files as members without validation predictions, into a new run.

    blender      that of the first run, or mean where there are files or weights by hand, unless it is given. With mean,
                 a run beside other sources is one member, with its own blend; other blenders take each member by itself
    options      of the blender, "key=value" each
    members      names of the runs' members to take, "mlp" or "mlp/seed-1", each by itself
    weights_of   a run or a blend whose saved weights are taken, by its members' names; a source NAME=FILE has one
    postprocess  whether the competition mends the weighted sum
    competition, data  the runs' own; needed only for files alone

    Raises UsageError if runs are of different competitions or data, SubmissionError for a file that is none.
    """
    root = root or runs_root()
    plan = plan_blend(
        [str(source) for source in sources],
        root,
        blender,
        options,
        competition,
        data,
        members=members,
        weights_of=weights_of,
        postprocess=postprocess,
    )
    return execute_blend(plan, root, name, observer or shell_observer())


@checked
def predict_with_blend(
    competition: str,
    blend: Path | str,
    *,
    name: str = "blend",
    root: Path | None = None,
    observer: Observer | None = None,
    **how: Any,
) -> Results:
    """Predict other data with the runs of a blend, by its folder, and blend them by the weights that it saved.

    ``how`` as for ``configured``. Raises UsageError where the blend is of files too.
    """

    def predicting(source: Path) -> tuple[RunConfig, list[str]]:
        return configured(competition, checkpoints=source, **how)

    return predict_blend(Run(Path(blend)), predicting, root or runs_root(), name, observer or shell_observer())


@checked
def pack(
    name: str,
    out: Path,
    constraints: Path,
    *,
    python: str = PYTHON,
    platform: str = PLATFORM,
    wheels: Path | None = None,
    limit: str = LIMIT,
    root: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> PackedRun:
    """Make a folder that predicts with a finished run, by its folder or a part of its name, where there is no network.

    out          the folder, which must not be there yet
    constraints  file of the name==version that the image has; what these satisfy is not packed
    python       the image's Python
    platform     the newest wheels that the image takes, as PEP 600 calls them
    wheels       folder of wheels that are taken before others
    limit        how large the folder may be, as "200GB"
    say          told of what takes long

    Raises UsageError for a run that cannot be packed; CtkError where the folder would be over the limit, where a wheel
    is missing or does not run in the image.
    """
    image = TargetImage.described(python, platform, constraints)
    found = Run.find(name, root or runs_root())
    return pack_run(found, out, image, plugins(), wheels, parse_size(limit), say or shell_observer().say)


@checked
def validate(
    competition: str,
    file: Path,
    *,
    data: Path | None = None,
    overrides: Sequence[str] = (),
    refresh: bool = False,
    progress: Progress | None = None,
) -> Submission | Bundle:
    """Read a submission and check it against the test samples. Raises SubmissionError naming row and column, or file.

    ``overrides`` are options of the data, as "data.old=true"; ``refresh`` prepares the test anew.
    """
    known = competition_of(competition)
    raw = base_config(known, data)
    for assignment in overrides:
        override(raw, assignment)
    config = resolve(raw, plugins())
    prepared, width = prepare_test(config, known, plugins(), progress or shell_observer().working, refresh)
    if known.bundled:
        return Bundle(known.check_bundle(file, prepared.test))
    return known.read_submission(file, prepared.test, width)


@checked
def score(competition: str, file: Path, truth: Path, *, overrides: Sequence[str] = ()) -> dict[str, float]:
    """Score a submission file against a truth file as the organisers do. Raises SubmissionError, DataError.

    ``overrides`` are options of the scoring, "key=value" each, where the competition has any. A ``ctk.contract.Graded``
    also has the lines in which a grader tells of it.
    """
    known = competition_of(competition)
    schema = known.score_options()
    raw: dict[str, Any] = {}
    for assignment in overrides:
        override(raw, assignment)
    if schema is None:
        if overrides:
            raise UsageError(f"-o {overrides[0]}: {known.id} has no options of its score.", "Leave it out.")
        return known.score_file(file, truth)
    return known.score_file(file, truth, **vars(validate_config(schema, raw, "")))


@checked
def fitted_members(name: str | Path, *, root: Path | None = None) -> list[FittedMember]:
    """List what a run, or a blend of runs, has fitted and blended, the heaviest first; models are loaded when asked.

    Raises UsageError where it has no blend yet.
    """
    return members_of(Run.find(str(name), root or runs_root()))


@checked
def extract_features(
    competition: str, *, make: bool = False, refresh: bool = False, progress: Progress | None = None, **how: Any
) -> list[FeatureState]:
    """List the features that a config extracts; with ``make`` those that are not in the cache are made first.

    ``how`` as for ``configured``. With ``refresh`` the data is read anew, and what was extracted of it thrown away.
    """
    config, _ = configured(competition, **how)
    progress = progress or shell_observer().working
    known = competition_of(config.competition)
    prepared = prepare(config, known, plugins(), progress=progress, refresh=refresh)
    return extracted_features(config, prepared, plugins(), make, refresh, progress)


@checked
def filter_data(
    competition: str,
    filters: Sequence[str],
    out: Path,
    *,
    data: Path | None = None,
    overrides: Sequence[str] = (),
    say: Callable[[str], None] | None = None,
) -> tuple[int, int]:
    """Write the data without what the filters drop, in the competition's layout.

    Each filter's scores, kept and dropped ids go to ``out/filters``. Returns how many were kept, and of how many. What
    was killed is gone on with. Raises UsageError if ``out`` holds anything else.
    """
    known = competition_of(competition)
    raw = {**base_config(known, data), "filters": list(filters)}
    for assignment in overrides:
        override(raw, assignment)
    config = resolve(raw, plugins())
    observer = shell_observer()
    say = say or observer.say
    unfinished = out / ".unfinished"
    own = {unfinished, out / "filters", *out.glob(f".{unfinished.name}.*.part")}  # the last, of what was killed at once
    if out.exists() and not unfinished.exists() and set(out.iterdir()) - own:
        raise UsageError(f"{out} is not empty.", "Give a new folder with --out; data is never written over data.")
    prepared = prepare(config, known, plugins(), say, observer.working)
    write_text(unfinished, "The data here is not whole. The command that made it goes on where it was killed.\n")
    remove_unfinished(out)
    samples = prepared.data
    metric = metric_of(config.metric or known.metric)
    kept = apply_filters(config, prepared, out / "filters", metric, say)
    known.write_data(out, samples.train.take(np.flatnonzero(kept)), samples.test)
    link_pictures(prepared, out)
    unfinished.unlink()
    return int(kept.sum()), len(kept)
