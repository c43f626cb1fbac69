"""Many runs as tasks of an executor: what searches and ablations are made of.

A trial is one run with a folder of its own, fitted part after part within one worker. Trials are begun and told of in
their order, whatever time each takes, so that what is proposed after some results never depends on the machine.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ctk.config.resolve import resolve
from ctk.contract import Execution, Files, RunConfig, WorkerLost
from ctk.errors import CtkError, DamagedError, Pruned, UsageError
from ctk.files import check_values, fingerprint, reading, write_text
from ctk.plugins import plugins
from ctk.plugins.calls import left_call, noted_in
from ctk.plugins.guard import Guard, competition_of, keep_noise, submit_task
from ctk.runs import FAILED, FINISHED, INTERRUPTED, PRUNED, RUNNING, Part, Run
from ctk.workflow.fit import EpochWatch, epoch_watch
from ctk.workflow.plan_run import RunPlan, reopen_run, start_run
from ctk.workflow.pools import open_pool
from ctk.workflow.prepare import PreparedData, prepare
from ctk.workflow.run import execute_run

PATIENCE = 5.0
"""Seconds that a worker is given to notice that its driver is gone."""
EPOCHS = "epochs.jsonl"
"""File of a trial's folder with a line for each epoch: what ``read_epochs`` gives."""


EpochLine = tuple[tuple[str, int, int], int, int, dict[str, float]]
"""What such a line holds."""


class Epoch(NamedTuple):
    """A fitted epoch: of which member, seed and fold, its number from 1, of how many, and the scores after it."""

    part: Part
    done: int
    total: int
    scores: dict[str, float]


@dataclass(frozen=True)
class Trial:
    """A run that is made as a task of an executor.

    folder     of the run; what lies there from before is gone on with, and a finished run is not made again
    config     its executor is ignored: a trial's parts are fitted one after another, with ``threads``
    overrides  in what it differs, as after -o; for people
    watch      told of each epoch, after a kill of those before it too; may raise ``Pruned``. It goes to the worker, so
               it must pickle
    prepared   its data, where that was prepared before
    """

    folder: Path
    config: RunConfig
    overrides: tuple[str, ...] = ()
    watch: EpochWatch | None = None
    threads: int = 1
    prepared: PreparedData | None = None

    def files(self) -> Files:
        """List the files that a worker elsewhere is given, and those that it gives back."""
        constant = () if self.prepared is None else (self.prepared.place,)
        return Files(constant=constant, reads=(self.folder,), writes=self.folder)

    def with_paths(self, to: Callable[[Path], Path]) -> Trial:
        """Return a copy of this trial whose paths are mapped by ``to``."""
        return replace(self, folder=to(self.folder), prepared=self.prepared and self.prepared.with_paths(to))


@dataclass(frozen=True)
class TrialOutcome:
    """The outcome of a trial.

    state    "finished", "pruned" or "failed"
    score    the blend's deciding score; NaN unless it finished with one
    scores   every score of the blend, by name
    seconds  that the trial took, when it was last worked on
    problem  why it failed or was pruned, one or two sentences
    """

    folder: Path
    state: str
    score: float = math.nan
    scores: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    problem: str = ""


def run_trial(trial: Trial) -> TrialOutcome:
    """Make a trial's run, or what is missing of it. Raises nothing but KeyboardInterrupt."""
    begun = time.perf_counter()
    epochs = _EpochFile(trial.folder / EPOCHS, trial.watch)
    watched = epoch_watch.set(epochs)
    run = Run(trial.folder)
    state, problem, scores, score = FINISHED, "", {}, math.nan
    try:
        keep_noise(trial.folder)
        if (plan := _plan_trial(run, trial)) is not None:
            epochs.repeat()
            with noted_in(trial.folder):
                execute_run(replace(plan, prepared=trial.prepared, verb=""))
        else:  # finished before who drove it was killed
            times = run.state_or_killed()
            begun -= times.get("changed", 0.0) - times.get("started", 0.0)
        known = run.scores()
        scores = known["members"].get("blend", {})
        score = scores.get(known["metric"], math.nan)
    except Pruned as error:
        state, problem = PRUNED, error.problem
    except CtkError as error:
        if run.state_or_killed()["state"] == INTERRUPTED:
            _end_worker()
        state, problem = FAILED, str(error)
    finally:
        epoch_watch.reset(watched)
    return TrialOutcome(trial.folder, state, score, scores, time.perf_counter() - begun, problem)


def read_epochs(folder: Path) -> list[Epoch]:
    """Read every epoch that was fitted in a trial's folder, in their order; also while it is being worked on."""
    path, found = folder / EPOCHS, []
    with suppress(DamagedError), reading(path) as file:
        for line in file:
            if line.endswith(b"\n"):  # a killed worker leaves half a line
                part, done, total, scores = json.loads(line)
                check_values((tuple(part), done, total, scores), EpochLine, path)
                found.append(Epoch(Part(*part), done, total, scores))
    return found


def run_trials(
    trials: Iterable[Trial],
    execution: Execution,
    folder: Path,
    beat: Callable[[Sequence[Trial]], None] = lambda running: None,
) -> Generator[tuple[Trial, TrialOutcome], None, None]:
    """Make trials side by side and yield each with its outcome, in their order.

    With N workers, N > 1, trial k is taken from ``trials`` when the outcome of trial k - 2N has been yielded and the
    next is asked for, with one worker when that of k - 1 has: a sampler knows the same results at each proposal,
    however long trials take, and a long trial keeps no worker waiting while others make the 2N - 1 after it. A worker
    that dies costs its own trial; those beside it are made again. Close the iterator to end what is running:
    ``contextlib.closing``.

    execution  where; ``workers`` and ``threads`` are numbers, not 0
    folder     that all trials are below
    beat       called four times a second with the trials that are being made
    """
    coming, data = iter(trials), _PreparedOnce()
    ahead = 2 * execution.workers if execution.workers > 1 else 1
    entries: deque[_Entry] = deque()
    while True:
        with open_pool(execution, folder) as (pool, guard):
            for entry in entries:
                entry.submit(pool, guard)
            while True:
                while len(entries) < ahead and (trial := next(coming, None)) is not None:
                    entries.append(_Entry(replace(trial, threads=execution.threads, prepared=data.of(trial))))
                    entries[-1].submit(pool, guard)
                if not entries:
                    return
                outcome = entries[0].outcome
                while outcome is None:
                    beat([entry.trial for entry in entries if not entry.future.done()])
                    wait([entries[0].future], timeout=0.25)
                    if entries[0].future.done():
                        break
                try:
                    outcome = outcome or entries[0].future.result()
                except WorkerLost as error:
                    outcome = _lost_outcome(entries[0].trial, error)
                except BrokenExecutor:
                    _settle_entries(entries)
                    break
                made = entries.popleft().trial
                yield made, replace(outcome, folder=made.folder)


class _PreparedOnce:
    """The data of trials, prepared once for all of them: every first worker would wait for one that does it."""

    def __init__(self) -> None:
        self.known: dict[str, PreparedData | None] = {}

    def of(self, trial: Trial) -> PreparedData | None:
        """The data of a trial; None where it cannot be had, which the trial itself will tell."""
        config = trial.config
        with suppress(CtkError):
            written = Run(trial.folder).config() if _has_run(trial.folder) else None
            data = config.data.model_dump() if written is None else written.get("data")
            key = fingerprint(config.competition, config.data_dir, data)
            if key not in self.known:
                self.known[key] = None
                competition = competition_of(config.competition)
                self.known[key] = prepare(config, competition, plugins(), written=written)
            return self.known[key]
        return None


class _EpochFile:
    """Writes down each epoch and tells the watch, both once: a fit that goes on repeats those after its checkpoint."""

    def __init__(self, path: Path, watch: EpochWatch | None) -> None:
        self.path = path
        self.watch: EpochWatch = watch or (lambda part, done, total, scores: None)
        self.known = read_epochs(path.parent)

    def repeat(self) -> None:
        """Tell the watch what came before a kill, and leave the file with whole lines."""
        if self.path.exists():
            write_text(self.path, "".join(_epoch_line(epoch) for epoch in self.known))
        for epoch in self.known:
            self.watch(*epoch)

    def __call__(self, part: Part, done: int, total: int, scores: Mapping[str, float]) -> None:
        if any(epoch.part == part and epoch.done >= done for epoch in self.known):
            return
        epoch = Epoch(part, done, total, dict(scores))
        self.known.append(epoch)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_epoch_line(epoch))
        self.watch(*epoch)


def _epoch_line(epoch: Epoch) -> str:
    return json.dumps([list(vars(epoch.part).values()), epoch.done, epoch.total, epoch.scores]) + "\n"


@dataclass
class _Entry:
    """A trial on its way. ``strikes``: how often a pool broke around it and nobody knew why."""

    trial: Trial
    strikes: int = 0
    outcome: TrialOutcome | None = None
    future: Future[TrialOutcome] = field(default_factory=Future)

    def submit(self, pool: Executor, guard: Guard) -> None:
        if self.outcome is None:
            self.future = submit_task(guard, pool, run_trial, self.trial)


def _settle_entries(entries: Iterable[_Entry]) -> None:
    """After a pool broke: trials that were done keep their outcome, those that were in two that broke have failed."""
    for entry in entries:
        error = entry.future.exception() if entry.future.done() else BrokenExecutor()
        if error is None:
            entry.outcome = entry.future.result()
            continue
        entry.strikes += 1
        if entry.strikes > 1 or isinstance(error, WorkerLost):
            entry.outcome = _lost_outcome(entry.trial, error)


def _lost_outcome(trial: Trial, error: BaseException) -> TrialOutcome:
    how = str(error) if isinstance(error, WorkerLost) else "ended without a word; memory may have run out"
    call = left_call(trial.folder) if isinstance(error, WorkerLost) else ""
    problem = f"The process that made it {how}{call and f' while {call}'}."
    run = Run(trial.folder)
    state = run.state_or_killed()
    if state["state"] not in (FINISHED, PRUNED):
        run.set_state(FAILED, problem=problem)
    seconds = time.time() - state.get("changed", time.time())
    return TrialOutcome(trial.folder, FAILED, seconds=seconds, problem=problem)


def _plan_trial(run: Run, trial: Trial) -> RunPlan | None:
    """Plan what of the run is to be done, None if all was. Raises UsageError where another run is in the folder."""
    if not _has_run(run.folder):
        within = Execution(name="serial", workers=1, threads=trial.threads)
        config = trial.config.model_copy(update={"executor": within})
        return start_run(config, run.folder, run.folder.name, trial.overrides, folder=run.folder)
    # Resolved, as it may have been begun by a version with fewer options.
    known = resolve(run.config(), plugins())
    if known.plain() | {"executor": None} != trial.config.plain() | {"executor": None}:
        raise UsageError(f"{run.folder} holds a run with another config.", "Give another name, or remove it.")
    state = _wait_for_end(run)
    if state["state"] == PRUNED:
        raise Pruned(state.get("problem", ""))
    return None if state["state"] == FINISHED and _has_scores(run) else reopen_run(run, trial.config.competition)


def _has_run(folder: Path) -> bool:
    """Whether a run lies there already, with what it is to do."""
    return (folder / "config.yaml").exists()


def _has_scores(run: Run) -> bool:
    """Whether the scores of a finished run can be read; else its end is made once more."""
    try:
        return bool(run.scores("metric"))
    except DamagedError:
        return False


def _wait_for_end(run: Run) -> dict[str, Any]:
    """The state of a run whose worker may be about to end, since who drove it was killed a moment ago."""
    deadline = time.monotonic() + PATIENCE
    while (state := run.state_or_killed())["state"] == RUNNING and time.monotonic() < deadline:
        time.sleep(0.1)
    return state


def _end_worker() -> NoReturn:
    """In a worker that was told to end, end; a pool would give it the next task."""
    if multiprocessing.parent_process() is not None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
    raise KeyboardInterrupt
