"""Fitting one member with one seed on one fold: the task that executors run, anywhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ctk.contract import PROGRESS, Files, FitContext, Member, Model, RunConfig
from ctk.errors import CtkError, DamagedError, PluginError
from ctk.files import read_json, write_json
from ctk.plugins.calls import noted_in
from ctk.plugins.guard import Guard, competition_of, keep_noise, metric_of, only_sentences
from ctk.plugins.guard.failures import describe_error
from ctk.runs import RAW, UNFITTED, Part, Predictions, Run
from ctk.samples import Array, Samples
from ctk.training import torchrun
from ctk.workflow.features import NO_FEATURES, FeaturePlan, HandedFeatures, hand_features
from ctk.workflow.fit_clock import FitClock, FitTime, given_up_in_time
from ctk.workflow.missing_numbers import check_features, check_kind, check_targets, unknown_in_test
from ctk.workflow.postprocessing import Postprocessing
from ctk.workflow.prepare import PreparedData
from ctk.workflow.pseudo_labels import add_pseudo_labels, check_readable, describe
from ctk.workflow.split import Fold, draw_folds
from ctk.workflow.stacking import asked_parts, with_used

SLICE = 2000
"""Training rows of a dry run."""
FEATURES = "features"
"""Folder beside a model's checkpoints with what extractors learned from its training rows."""
BEGUN = "begun.json"
"""In a part's folder, the fingerprint of what its checkpoints are of."""
CUT = "-cut"
"""After the fingerprint of what a time limit cut short: a run without one fits it anew."""
STORED = ("oof", "test", UNFITTED, "fitted.json")
"""What a part's folder has for members that ask it."""


@dataclass(frozen=True)
class FitTask:
    """One fit as a worker is given it: small, and the same wherever it runs."""

    run: Path
    config: RunConfig
    part: Part
    prepared: PreparedData
    fingerprint: str
    metric: str
    steps: int | None = None
    features: FeaturePlan = NO_FEATURES
    time: FitTime | None = None

    def files(self) -> Files:
        """List the files that a worker elsewhere is given, and those that it gives back."""
        run = Run(self.run)
        member = next(each for each in self.config.members if each.name == self.part.member)
        asked = [whose.part_folder(part) for whose, parts in asked_parts(run, member.asks) for part in parts]
        part = run.part_folder(self.part)
        saved = self.config.checkpoints
        return Files(
            constant=(self.prepared.place, *self.features.folders()),
            reads=(
                run.folder / "config.yaml",
                *kept_file(run, self.config, member),
                *(folder / name for folder in asked for name in STORED),
                *((Run(Path(saved)).part_folder(self.part),) if saved else ()),
                part,
            ),
            writes=part,
            appends=run.folder / "log.txt",
        )

    def with_paths(self, to: Callable[[Path], Path]) -> FitTask:
        """Return a copy of this task whose paths are mapped by ``to``."""
        saved = self.config.checkpoints
        members = tuple(member.with_runs(lambda used: str(to(Path(used.run)))) for member in self.config.members)
        config = self.config.model_copy(update={"checkpoints": saved and str(to(Path(saved))), "members": members})
        prepared, features = self.prepared.with_paths(to), self.features.with_paths(to)
        return replace(self, run=to(self.run), config=config, prepared=prepared, features=features)


def fit_part(task: FitTask) -> dict[str, float]:
    """Fit a part, predict its fold's validation samples and the test, store both. Returns the part's scores.

    Raises CtkError for whatever happens, with the traceback in the part's folder.
    """
    run = Run(task.run)
    folder = run.part_folder(task.part)
    with only_sentences(folder):
        keep_noise(folder)
        # What several ranks do together none of them leaves by itself.
        with noted_in(folder), given_up_in_time(None if torchrun.current_team() else task.time):
            return _fit_and_store(task, run)


def _fit_and_store(task: FitTask, run: Run) -> dict[str, float]:
    begun = time.perf_counter()
    member = next(each for each in task.config.members if each.name == task.part.member)
    handed, fold = _load_samples(task, run, member)
    train, test = handed.train, handed.test
    valid = train.take(fold.valid)
    mend = Postprocessing(competition_of(task.config.competition), task.config.postprocess)
    metric = metric_of(task.metric)
    model = guarded_model(member)
    fitted: Mapping[str, Any] = {}
    labels: dict[str, Any] | None = None
    clock: FitClock | None = None
    scored = {"validation": valid} | ({} if (truth := task.prepared.data.truth) is None else {"test": truth})
    if task.config.checkpoints is None:
        learned = train.take(fold.train)
        check_targets({"training": learned, **scored})
        check_kind(model, member.name, learned)
        check_features(model, member.name, {"training": learned, "validation": valid, "test": test})
        told: list[str] = []
        if unknown := unknown_in_test(model, learned, test):
            told.append(f"it learns from {', '.join(unknown)}, which no test sample has.")
        if member.pseudo_labels is not None:
            check_readable(model, member.name, learned, test)
            learned, labels = add_pseudo_labels(run, member, task.part, train, fold.train, test, metric)
            told += [describe([labels])] if labels else []
        clock = _fit_model(model, task, run, learned, valid, told)
        handed.save(run.checkpoints_folder(task.part) / FEATURES)
        curve = getattr(model, "curve", [])
    else:
        check_targets(scored)
        check_features(model, member.name, {"test": test})
        saved = Run(Path(task.config.checkpoints))
        with named_as_saved(saved.checkpoints_folder(task.part), task.part):
            model.load(saved.checkpoints_folder(task.part), train, task.config.device)
        facts = saved.facts(task.part)
        fitted, curve = facts["postprocess"], facts["curve"]
    oof = raw = np.empty(0, "U1") if train.predicts_text else np.zeros((0, train.target_width), np.float32)
    scores: dict[str, float] = {}
    if len(valid):
        predicted = model.predict(valid)
        scores = {
            metric.name: metric.decide(predicted, valid.with_own_gallery() if valid.gallery is not None else valid)
        }
        if task.config.checkpoints is None:
            fitted = mend.fit(predicted, valid)
        oof, raw = _as_stored(mend.apply(predicted, valid, fitted)), _as_stored(predicted)
    predicted = model.predict(test)
    if mend.has_options:
        run.write_predictions(task.part, f"{RAW}oof", Predictions(valid.ids, raw))
        run.write_predictions(task.part, f"{RAW}test", Predictions(test.ids, _as_stored(predicted)))
    # What is fitted to validation rows has no part in what others learn from the test.
    asked = (other for other in task.config.members if other.pseudo_labels is not None)
    if fitted and any(member.name in other.asks_here for other in asked):
        unfitted = _as_stored(mend.apply(predicted, test, {}))
        run.write_predictions(task.part, UNFITTED, Predictions(test.ids, unfitted))
    timed = {} if clock is None else {"timed": clock.facts(_cut_members(run, member))}
    run.write_part(
        task.part,
        task.fingerprint + (CUT if timed and timed["timed"]["cut"] else ""),
        Predictions(valid.ids, oof),
        Predictions(test.ids, _as_stored(mend.apply(predicted, test, fitted))),
        scores=scores,
        seconds=time.perf_counter() - begun,
        curve=curve,
        postprocess=fitted,
        size=getattr(model, "size", None),
        importances=model.importances(),
        pseudo_labels=labels,
        **timed,
    )
    return scores


def _cut_members(run: Run, member: Member) -> list[str]:
    """Name the members of a run that a member asks and that a time limit cut short: it would learn other things."""
    asked = asked_parts(run, member.asks_here)
    return [parts[0].member for _, parts in asked if any(was_cut(run.facts(part)) for part in parts)]


def was_cut(facts: Mapping[str, Any]) -> bool:
    """Whether the facts of a part say that a time limit cut it short, or a member that it asks."""
    return bool((facts.get("timed") or {}).get("cut"))


@contextmanager
def named_as_saved(folder: Path, part: Part) -> Iterator[None]:
    """Name the files where a model cannot read what it saved: they may be gone or damaged, and nobody's code wrong."""
    try:
        yield
    except Exception as error:  # a damaged file may bring anything: pickle, zip and torch have errors of their own
        cause = error.__cause__ if isinstance(error, PluginError) else error
        if cause is None or isinstance(cause, CtkError):
            raise
        raise DamagedError(
            f"{folder}: what {part.key}, fold {part.fold} saved there cannot be read ({describe_error(cause)}).",
            "Was it moved or damaged? Fit the member anew.",
        ) from cause


def _fit_model(
    model: Model, task: FitTask, run: Run, train: Samples, valid: Samples, told: Sequence[str]
) -> FitClock | None:
    """Fit a model, together with the other ranks where it spans them, and save it; ``told`` is said before.

    Returns the fit's clock, where it has one.
    """

    def begin_anew() -> None:
        """Let no later fit go on from here."""
        write_json(run.part_folder(task.part) / BEGUN, task.fingerprint + CUT, lasting=False)

    clock = None if task.time is None else FitClock(task.time, begin_anew)
    progress = _Progress(run.part_folder(task.part) / PROGRESS, task.part, clock)

    def tell(line: str) -> None:
        run.log(f"{task.part.key} fold {task.part.fold}: {line}")
        progress.told.append(line)

    context = FitContext(
        folder=run.checkpoints_folder(task.part),
        seed=task.part.seed,
        metric=metric_of(task.metric),
        device=task.config.device,
        trackers=() if task.steps else task.config.trackers,
        steps=task.steps,
        progress=progress,
        tell=tell,
        limit=clock,
    )
    for line in told:
        tell(line)
    _drop_other_checkpoints(task, run)
    with torchrun.call_on_all_ranks(_fit_with_first_rank, task) if model.spans_ranks else nullcontext():
        model.fit(train, valid, context)
    if clock is not None:
        clock.end()
    context.folder.mkdir(parents=True, exist_ok=True)
    model.save(context.folder)
    return clock


def _drop_other_checkpoints(task: FitTask, run: Run) -> None:
    """Remove what a fit to something else left: a model would go on from it, or take it for its own work."""
    folder = run.part_folder(task.part)
    try:
        left = read_json(folder / BEGUN, str) if (folder / BEGUN).exists() else run.facts(task.part)["fingerprint"]
    except DamagedError:
        left = task.fingerprint  # killed before there was one: of a version that kept none
    if left != task.fingerprint:
        shutil.rmtree(run.checkpoints_folder(task.part), ignore_errors=True)
    write_json(folder / BEGUN, task.fingerprint, lasting=False)


def _fit_with_first_rank(task: FitTask) -> None:
    """Fit a part together with the first rank, on every other rank."""
    import torch

    team = torchrun.current_team()
    assert team is not None
    run = Run(task.run)
    if not run.folder.is_dir():
        raise CtkError(
            f"{run.folder}: this machine does not see the run's folder.",
            "Set CTK_RUNS and CTK_CACHE to folders that all machines share.",
        )
    torch.set_num_threads(task.config.executor.threads)
    part = run.part_folder(task.part)
    with only_sentences(part / f"rank-{team.position.rank}"):
        member = next(each for each in task.config.members if each.name == task.part.member)
        handed, fold = _load_samples(task, run, member)
        train, metric = handed.train, metric_of(task.metric)
        learned = train.take(fold.train)
        if member.pseudo_labels is not None:
            learned, _ = add_pseudo_labels(run, member, task.part, train, fold.train, handed.test, metric)
        context = FitContext(
            folder=run.checkpoints_folder(task.part),
            seed=task.part.seed,
            metric=metric,
            device=task.config.device,
            steps=task.steps,
            limit=None if task.time is None else FitClock(task.time, lambda: None),
        )
        guarded_model(member).fit(learned, train.take(fold.valid), context)


def new_model(member: Member) -> Model:
    """Make an unfitted model as the config describes it."""
    return _make_model(Guard("models", member.model.name), member)


def guarded_model(member: Member) -> Model:
    """Make an unfitted model inside its plugin's guard, which looks at what it raises and predicts."""
    guard = Guard("models", member.model.name)
    return guard.wrap(_make_model(guard, member))


def _make_model(guard: Guard, member: Member) -> Model:
    kind = guard.load()
    if not (isinstance(kind, type) and issubclass(kind, Model)):
        from ctk.training.network import as_model  # late: of what fits, networks alone need Lightning

        with guard("being made"):
            kind = as_model(kind)
    model: Model = guard.call("make", lambda: kind(**member.model.options))
    model.training = member.training
    return model


def kept_file(run: Run, config: RunConfig, member: Member) -> list[Path]:
    """Name the file with the samples that a member's filters keep, (N,) bool; none where it has no filters."""
    names = [config.filter_names[number] for number in config.filters_of(member)]
    if len(names) == len(config.filters):
        return [run.folder / "kept.npy"] if names else []
    return [run.folder / "filters" / f"kept-{'+'.join(names)}.npy"] if names else []


def limit_samples(samples: Samples, steps: int | None) -> Samples:
    """Take what a dry run of ``steps`` looks at: evenly spaced samples, so that every predefined fold has a share."""
    if steps is None or len(samples) <= SLICE:
        return samples
    return samples.take(np.arange(SLICE) * len(samples) // SLICE)


def _load_samples(task: FitTask, run: Run, member: Member) -> tuple[HandedFeatures, Fold]:
    """Take training and test samples, with extracted features and those of members that this one uses, and the fold."""
    data = task.prepared.data
    train, test = limit_samples(data.train, task.steps), data.test
    saved = task.config.checkpoints
    if saved is not None and not len(train):
        fold = Fold(np.arange(0), np.arange(0))
    else:
        fold = draw_folds(train, task.config.split)[task.part.fold]
        for path in kept_file(run, task.config, member):
            # Only what is learned from is filtered: the validation set stays whole, so that scores compare.
            fold = Fold(fold.train[run.kept(len(train), path)[fold.train]], fold.valid)
        if not len(fold.train):
            raise CtkError("The filters left nothing to train on.", "Loosen them, or run without: -o filters=[].")
    handed = HandedFeatures(train, test, {})
    if task.features.features:
        place = Run(Path(saved)).checkpoints_folder(task.part) / FEATURES if saved else None
        handed = hand_features(task.features, task.config.handed_to(member), train, test, fold.train, place)
    if member.uses:
        train, test, fold = with_used(task.config, run, member, task.part, handed.train, handed.test, fold)
        handed = replace(handed, train=train, test=test)
    return handed, fold


EpochWatch = Callable[[Part, int, int, Mapping[str, float]], None]
"""Told of each epoch of a fit in this process: part, epochs done, of how many, scores. What it raises ends the fit."""

epoch_watch: ContextVar[EpochWatch | None] = ContextVar("watching", default=None)


class _Progress:
    """Writes how far a fit is and what it told, at most twice a second, for the driver; tells a watch at once."""

    def __init__(self, path: Path, part: Part, clock: FitClock | None = None) -> None:
        self.path = path
        self.part = part
        self.clock = clock
        self.next = 0.0
        self.told: list[str] = []
        path.unlink(missing_ok=True)  # of a fit that was killed

    def __call__(self, done: int, total: int, scores: Mapping[str, float]) -> None:
        if watch := epoch_watch.get():
            watch(self.part, done, total, scores)
        if self.clock is not None:
            self.clock.hear(done, total)
        if time.monotonic() >= self.next or done == total:
            self.next = time.monotonic() + 0.5
            self.path.parent.mkdir(parents=True, exist_ok=True)
            facts = {"done": done, "total": total, "scores": dict(scores), "told": self.told}
            write_json(self.path, facts, lasting=False)


def _as_stored(prediction: Array) -> Array:
    """Convert a member's prediction to what is stored: float32, or text as it is."""
    if prediction.dtype.kind == "U":
        return prediction
    single: Array = np.asarray(prediction, dtype=np.float32)
    return single
