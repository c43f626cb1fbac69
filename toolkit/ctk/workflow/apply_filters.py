"""Applying a config's filters to training samples."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ctk.config.resolve import resolve
from ctk.contract import Filter, FilterChoice, FilterContext, FitContext, Metric, RunConfig, Split
from ctk.errors import DamagedError, UsageError
from ctk.files import atomic, fingerprint, read_json, read_npy, write_json
from ctk.plugins import plugins
from ctk.plugins.guard import Guard, competition_of
from ctk.report.numbers import duration
from ctk.runs import Run, runs_root
from ctk.samples import Array, Samples
from ctk.workflow.checkpoints import FittedRun, hand_saved, load_model
from ctk.workflow.fit import FEATURES, guarded_model, kept_file, limit_samples
from ctk.workflow.plan_run import RunPlan
from ctk.workflow.prepare import PreparedData
from ctk.workflow.split import draw_folds
from ctk.workflow.work_bars import PLAIN_EVERY, Pace


def apply_filters(
    config: RunConfig,
    prepared: PreparedData,
    folder: Path,
    metric: Metric,
    say: Callable[[str], None],
    steps: int | None = None,
    written: Mapping[str, Any] | None = None,
    chain: Sequence[int] | None = None,
) -> Array:
    """Choose the samples that every filter keeps, (N,) bool; each filter sees what the ones before it kept.

    A filter's scores, kept and dropped ids go to a folder of its own below ``folder``, and are not made again if they
    lie there, made from the same data by the same filters. ``steps`` is that of a dry run; ``written`` the config as a
    run that is gone on with has it, where it was begun by a version with fewer keys; ``chain`` the numbers of the
    filters that are applied, all of them if it is None.
    """
    plain = written or config.plain()
    data = prepared.data
    train = limit_samples(data.train, steps)
    kept = np.ones(len(train), dtype=bool)
    chain = range(len(config.filters)) if chain is None else chain
    for done, number in enumerate(chain, start=1):
        choice = config.filters[number]
        place = folder / _folder_name(config, chain[:done])
        rows = np.flatnonzero(kept)
        before = [plain["filters"][each] for each in chain[:done]]
        asked = _AskedMember(choice, config, folder.parent, prepared, train) if choice.member else None
        known = () if asked is None else (asked.fingerprint,)
        made_from = fingerprint(before, prepared.fingerprint, config.seeds[0], plain["split"], steps, *known)
        keep = _read_keep(place, made_from, len(rows))
        if keep is None:
            say(f"filter {choice.name} of {len(rows):,} samples")
            guard = Guard("filters", choice.name)
            own: Filter = guard.wrap(guard.make(**choice.options))
            samples = train.take(rows)
            progress = _Progress(choice.name, say)
            context = FilterContext(
                folder=place,
                files=data.files,
                seed=config.seeds[0],
                device=config.device,
                fit=asked or partial(_fit_baseline, config, metric, place / f"baseline-{made_from}", steps, progress),
                progress=progress,
            )
            scores = own.score(samples, context)
            keep = own.keep(scores)
            write_result(place, samples, scores, keep)
            for which in choice.write:
                say(f"writing what filter {choice.name} {which} to {place / which}")
                chosen = samples.take(np.flatnonzero(keep if which == "kept" else ~keep))
                competition_of(config.competition).write_data(place / which, chosen, data.test)
                link_pictures(prepared, place / which)
            with atomic(place / "keep.npy") as temporary, temporary.open("wb") as file:
                np.save(file, keep)
            write_json(place / "made_from.json", made_from)
        kept[rows[~keep]] = False
        say(f"filter {choice.name} kept {keep.sum():,} of {len(rows):,}")
    return kept


def link_pictures(prepared: PreparedData, folder: Path) -> None:
    """Link the pictures of the data, if any, into data that was written from it, where they lie in the original."""
    pictures = prepared.pictures
    if pictures is not None and pictures.is_relative_to(prepared.root):
        link = folder / pictures.relative_to(prepared.root)
        link.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # it is there, or a file system without links: pictures are then not shown
            link.symlink_to(pictures.resolve(), target_is_directory=True)


def filter_for_members(
    plan: RunPlan, prepared: PreparedData, names: Collection[str], say: Callable[[str], None]
) -> None:
    """Write which training samples the filters of some members keep, (N,) bool, for each set that one learns from."""
    config, run = plan.config, plan.run
    members = {config.filters_of(each): each for each in config.members if each.name in names}
    for chain, member in members.items():
        for path in kept_file(run, config, member):
            kept = apply_filters(
                config, prepared, run.folder / "filters", plan.metric, say, plan.steps, run.config(), chain
            )
            # In a dry run filters are tried, not obeyed: a baseline of two steps would drop nearly everything.
            if plan.steps is None:
                with atomic(path) as temporary, temporary.open("wb") as file:
                    np.save(file, kept)


def _folder_name(config: RunConfig, chain: Sequence[int]) -> str:
    """Name a filter's folder by its number, or by all the filters of its chain where some of the run's are left out."""
    if list(chain) == list(range(len(chain))):
        return f"{len(chain)}-{config.filters[chain[-1]].name}"
    return "+".join(config.filter_names[number] for number in chain)


class _AskedMember:
    """A fitted member in place of a filter's baseline: the first fold of its first seed, or of the seed that is named.

    fingerprint  of what it was fitted from
    """

    def __init__(
        self, choice: FilterChoice, config: RunConfig, folder: Path, prepared: PreparedData, train: Samples
    ) -> None:
        self.run, self.config, self.device = Run(folder), config, config.device
        self.prepared, self.train = prepared, train
        if choice.run:
            fitted = FittedRun(Run.find(choice.run, runs_root()))
            self.run, self.config = fitted.run, fitted.config
        keys = self.config.keys_of([str(choice.member)])
        parts = (
            [part for part in self.run.parts() if part.key in keys]
            if (self.run.folder / "config.yaml").exists()
            else []
        )
        if not parts:
            raise UsageError(
                f"Filter '{choice.name}' asks member '{choice.member}', and {self.run.folder} has none that is fitted.",
                f"Say of which finished run: -o filters.{choice.name}.run=RUN.",
            )
        self.part = min(parts, key=lambda part: (keys.index(part.key), part.fold))
        self.fingerprint = str(self.run.facts(self.part)["fingerprint"])

    def __call__(self, baseline: Mapping[str, Any], learned: Samples, asked: Samples) -> Array:
        """Predict ``asked``."""
        member = next(each for each in self.config.members if each.name == self.part.member)
        saved = self.run if self.config.checkpoints is None else Run(Path(self.config.checkpoints))
        folder = saved.checkpoints_folder(self.part)
        if self.config.handed_to(member):
            whole = hand_saved(self.config, member, self.prepared, folder / FEATURES, self.train).train
            asked = whole.take(np.flatnonzero(np.isin(whole.ids, asked.ids)))
        model = load_model(member, folder, self.part, asked, self.device)
        return Guard("models", member.model.name).wrap(model).predict(asked)


class _Progress:
    """Says how far a filter is, first at once and then every ten seconds, with the time it needs yet."""

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self.name = name
        self.say = say
        self.pace = Pace()
        self.last = -math.inf

    def __call__(self, done: float, total: int) -> None:
        now, left = time.monotonic(), self.pace.seconds_left(done, total)
        if now - self.last > PLAIN_EVERY and done < total:
            self.last = now
            self.say(f"filter {self.name} {done / total:.1%}{'' if left is None else f', {duration(left)} left'}")


def _read_keep(place: Path, made_from: str, rows: int) -> Array | None:
    """What a filter kept, (rows,) bool, if it lies there whole and was made from exactly this."""
    try:
        keep = read_npy(place / "keep.npy")
        is_of_this = read_json(place / "made_from.json") == made_from
    except DamagedError:
        return None
    return keep if is_of_this and keep.dtype == bool and keep.shape == (rows,) else None


def _fit_baseline(
    config: RunConfig,
    metric: Metric,
    folder: Path,
    steps: int | None,
    progress: _Progress,
    member: Mapping[str, Any],
    learned: Samples,
    asked: Samples,
) -> Array:
    """Fit a filter's baseline member on nine tenths of the samples, the best epoch by the rest; predict ``asked``."""
    whole = resolve({**config.plain(), "members": [member], "filters": []}, plugins())
    own = whole.members[0]
    model = guarded_model(own)
    fold = draw_folds(learned, Split(by=config.split.by, folds=10, seed=config.split.seed))[0]
    context = FitContext(
        folder=folder,
        seed=config.seeds[0],
        metric=metric,
        device=config.device,
        steps=steps,
        progress=lambda done, total, scores: progress(done, total),
        working=progress,
    )
    progress.say(f"filter {progress.name} asks {own.name}, which learns from {len(fold.train):,} of them first")
    model.fit(learned.take(fold.train), learned.take(fold.valid), context)
    return model.predict(asked)


def write_scores(path: Path, scores: Array) -> None:
    """Write (N,) scores as a float32 .npy, atomically."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.asarray(scores, dtype=np.float32), allow_pickle=False)


def write_result(folder: Path, samples: Samples, scores: Array, keep: Array) -> None:
    """Write what a filter decided: ``kept.csv``, ``dropped.csv`` and ``scores.npy``, each atomically.

    samples, scores, keep  N samples, (N,) scores, (N,) bool
    *.csv       columns id, score, target (the gallery's name of it, for retrieval), then the notes; lowest score first,
                so that each file begins with what there is most reason to look at
    scores.npy  (N,) float32 in sample order
    """
    import pandas as pd  # late: a run without filters does not need it

    scores, keep = np.asarray(scores, dtype=np.float32), np.asarray(keep, dtype=bool)
    if scores.shape != (len(samples),) or keep.shape != scores.shape:
        raise ValueError(f"{len(samples)} samples, scores {scores.shape} and keep {keep.shape} do not go together")
    columns = {"id": samples.ids, "score": scores}
    if samples.gallery is not None and samples.target is not None:
        columns["target"] = samples.gallery.names[samples.target]
    table = pd.DataFrame(columns | {name: values for name, values in samples.notes.items() if name not in columns})
    for name, rows in (("kept.csv", keep), ("dropped.csv", ~keep)):
        with atomic(folder / name) as temporary:
            table[rows].sort_values("score", kind="stable").to_csv(temporary, index=False)
    write_scores(folder / "scores.npy", scores)
