"""Competitions and metrics by name and executors' pools, each inside its plugin's guard."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.process import BaseProcess
from typing import TypeVar

import numpy as np

from ctk.contract import Competition, Metric
from ctk.machine import end_processes
from ctk.plugins import plugins
from ctk.plugins.guard.failures import ContractViolation
from ctk.plugins.guard.guards import Guard
from ctk.samples import Array, Samples

T = TypeVar("T")
G = TypeVar("G")


def competition_of(name: str) -> Competition:
    """A competition by id, inside its plugin's guard. Raises UsageError with the nearest id."""
    guard = Guard("competitions", name)
    competition: Competition = guard.wrap(guard.make())
    competition.named = plugins().reference(guard.component)
    beside = plugins().beside("competitions", name)
    competition.metric = beside.reference(beside.get("metrics", competition.metric))
    if competition.board:
        competition.board = beside.reference(beside.get("metrics", competition.board))
    competition.reader = beside.reference(beside.get("data", competition.reader))
    return competition


def is_named(competition: Competition, name: str) -> bool:
    """Whether a saved config means this competition, whatever else had its id then or has it now."""
    prefix, _, bare = name.rpartition(":")
    own = plugins().get("competitions", competition.named)
    return bare == own.name and (not prefix or plugins().plugin_of(own).is_called(prefix))


@dataclass(frozen=True)
class GuardedMetric(Metric):
    """A metric whose score is one number whoever asks for it, and whose errors name its plugin."""

    guard: Guard | None = None

    def decide(self, prediction: Array, samples: Samples) -> float:
        """The score of finite predictions. Raises PluginError where it is not finite, and says if the target is not."""
        score = self.score(prediction, samples)
        if not math.isfinite(score):
            target = samples.target
            lacks = target is not None and target.dtype.kind == "f" and not np.isfinite(target).all()
            help = "The target of these samples has numbers that are not finite." if lacks else ""
            assert self.guard is not None
            with self.guard("scoring"):
                raise ContractViolation(f"scored finite predictions with {score}", help)
        return score


def metric_of(name: str) -> GuardedMetric:
    """A metric by name, inside its plugin's guard. Raises PluginError where it is none."""
    guard = Guard("metrics", name)
    metric: Metric = guard.call("make", guard.load)
    guarded = GuardedMetric(**vars(metric), guard=guard)
    columns = metric.columns and partial(guard.call, "columns", metric.columns)
    return replace(guarded, score=partial(guard.call, "score", metric.score), columns=columns)


def submit_task(guard: Guard, pool: Executor, call: Callable[[G], T], given: G) -> Future[T]:
    """Hand a call to a pool; its future is one that ``concurrent.futures.wait`` can wait for."""

    def submit() -> Future[T]:
        try:
            return pool.submit(call, given)
        except BrokenExecutor as error:  # a worker died since the last task
            future: Future[T] = Future()
            future.set_exception(error)
            return future

    future: Future[T] = guard.call("submit", submit)
    return future


def stop_pool(guard: Guard, pool: Executor, others: Sequence[BaseProcess]) -> None:
    """End an executor at once, by its own ``stop`` or else with its processes: the children that are not ``others``."""
    if callable(own := getattr(pool, "stop", None)):
        guard.call("stop", own)
        return
    children = [child for child in multiprocessing.active_children() if child not in others]
    for child in children:
        child.terminate()
    with suppress(Exception):
        pool.shutdown(wait=False, cancel_futures=True)
    end_processes(children)
