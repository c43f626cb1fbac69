"""What plugins subclass: data readers, models, blenders, filters, metrics; and the competition that names them.

Keyword-only parameters of a subclass's ``__init__`` are its config keys.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ctk.samples import Array, Data, Samples
from ctk.schema import Choice, Strict

if TYPE_CHECKING:
    from torch import Tensor

Direction = Literal["max", "min"]

BLOCK = 1 << 19
"""Numbers in double that a blend is summed up of at a time: 4 MiB."""


class Found(NamedTuple):
    """A row of ``ctk data``: an item of the data, where it is (None if missing), a detail, how to get it."""

    item: str
    path: Path | None
    detail: str
    how: str


Progress = Callable[[str, int, int], None]
"""Told how far long work is: what is being done, how much of it is done, of how much."""


class DataReader(ABC):
    """Reads one layout of files into samples. A subclass has ``read``, or ``prepare`` for more than memory holds."""

    def read(self, folder: Path) -> Data:
        """Samples from a folder. Raises DataError naming file, key and row of what is wrong."""
        raise NotImplementedError

    def prepare(self, folder: Path, place: Path, progress: Progress) -> None:
        """Write the samples of a folder to ``place``, as ``Data.save`` does; a killed call's beginning may lie there.

        Raises DataError as ``read``. Readers of tables larger than memory append with ``ctk.store.SamplesWriter``.
        """
        self.read(folder).save(place)

    def prepare_test(self, folder: Path, place: Path, progress: Progress) -> int:
        """Write everything but the training samples, as ``Data.save_test`` does: submissions need no more.

        Returns how many numbers a prediction has.
        """
        data = self.read(folder)
        data.save_test(place)
        return data.train.target_width

    @abstractmethod
    def describe(self, folder: Path) -> list[Found]:
        """What of the layout is in a folder, what is missing and how to get it. Never raises."""

    def sources(self, folder: Path) -> list[Path]:
        """The files that ``read`` reads: when one changes, prepared data is made anew."""
        return [found.path for found in self.describe(folder) if found.path is not None]

    def stamp(self, path: Path) -> object:
        """What tells a file's content apart, as JSON takes it; better than size and time where that is cheap."""
        facts = path.stat()
        return [facts.st_size, facts.st_mtime_ns]

    def pictures(self, folder: Path) -> Path | None:
        """The folder of further files by sample or gallery name, if it is there."""
        return None


class Batch(NamedTuple):
    """What a loss sees beside the prediction.

    features    by name, (B, ...) tensors
    target      (B, D): target values, or the gallery vectors of the targets
    target_ids  (B,) int64 gallery rows, for retrieval; equal ids are positives of each other
    epoch       of this stage, from 0
    columns     (D,) int64: which columns of the whole target these are, where a stage trains some alone
    share       under torchrun the rows are one rank's of a batch; a mean over them times this is what the mean over the
                ranks makes the mean over the whole batch. Else 1
    ranks       how many processes hold parts of the batch
    """

    features: dict[str, Tensor]
    target: Tensor
    target_ids: Tensor | None
    epoch: int = 0
    columns: Tensor | None = None
    share: float = 1.0
    ranks: int = 1


@dataclass(frozen=True)
class Metric:
    """A score of predictions: ``score(prediction, samples)`` is a float, ``direction`` says which way is better.

    climb    the metric of ``ctk.blend.hill_climb`` that is best where this one is, so that blending takes its exact
             steps instead of calling ``score``
    columns  from samples, (T,) bool: the columns of a prediction that members decide; none are all of them. The others
             are known otherwise, and a blender leaves them out
    """

    name: str
    direction: Direction
    score: Callable[[Array, Samples], float]
    climb: str | None = None
    columns: Callable[[Samples], Array] | None = None

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is."""
        return 1 if self.direction == "max" else -1


@dataclass(frozen=True)
class FitContext:
    """What a model is told besides its samples.

    folder    where checkpoints and logs go; may hold those of an interrupted fit, from which to go on
    seed      of everything random
    metric    what decides which epoch is best
    device    "auto", "cpu" or "gpu"
    trackers  the trackers to log to, by name with options
    steps     at most so many optimiser steps (a dry run), or None
    progress  call with (done, total, scores) as often as is useful
    tell      call with a line that belongs into the run's log
    """

    folder: Path
    seed: int
    metric: Metric
    device: str = "auto"
    trackers: Sequence[Choice] = ()
    steps: int | None = None
    progress: Callable[[int, int, Mapping[str, float]], None] = lambda done, total, scores: None
    tell: Callable[[str], None] = lambda line: None


class NoTraining(Strict):
    """For models that have nothing to set beside their own options."""


class Model(ABC):
    """Anything that learns from samples and predicts an array."""

    schema: type[Strict] = NoTraining
    """Schema of the member's further config keys; ``self.training`` is an instance of it."""
    training: Any
    spans_ranks: bool = False
    """Whether, under torchrun, every rank calls ``fit`` for all to learn one model; else the first does, alone. What
    they then tell each other goes through ``ctk.ranks.current()``."""

    @abstractmethod
    def fit(self, train: Samples, valid: Samples, context: FitContext) -> None:
        """Learn. Killed at any moment, a second call with the same context must end with the same result."""

    @abstractmethod
    def predict(self, samples: Samples) -> Array:
        """(N, ...) float32, a row a sample."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what ``load`` needs."""

    @abstractmethod
    def load(self, folder: Path, samples: Samples, device: str = "auto") -> None:
        """Become the model that was saved; ``samples`` tell widths where needed, ``device`` is that of a FitContext."""


@dataclass(frozen=True)
class Blend:
    """How members are joined: plain data that can be saved, shown and explained.

    weights          by member key ("mlp/seed-1"), in the order given; the mean over columns where these have
                     weights of their own
    normalise        whether each member's rows are scaled to length 1 first
    score            of the blend on the out-of-fold predictions, None where there were none
    trace            the steps that led there, each a small mapping
    column_groups    (G,) names of the groups of columns that have weights of their own; none where all have the same
    group_of_column  (T,) number of each column's group
    by_group         by member key, (G,) weights
    """

    weights: dict[str, float]
    normalise: bool = False
    score: float | None = None
    trace: list[dict[str, Any]] = field(default_factory=list)
    column_groups: list[str] = field(default_factory=list)
    group_of_column: list[int] = field(default_factory=list)
    by_group: dict[str, list[float]] = field(default_factory=dict)

    def apply(self, predictions: Mapping[str, Array]) -> Array:
        """The weighted sum of (N, ...) predictions by member key: float32, or float64 where one of them is.

        Summed in double, some rows at a time: beyond the result it needs some MB, also where predictions are mapped
        from disk. Raises KeyError for a missing member, ValueError where one's shape does not fit.
        """
        import numpy as np

        factors = {key: self._factor(key) for key in self.weights}
        parts = {key: np.asarray(predictions[key]) for key, factor in factors.items() if np.any(factor)}
        assert parts, "a blend has at least one weight"
        shape = next(iter(parts.values())).shape
        for key, part in parts.items():
            if part.shape != shape or (self.by_group and part.shape[-1] != len(self.group_of_column)):
                wanted = (*shape[:-1], len(self.group_of_column)) if self.by_group else shape
                raise ValueError(f"{key}: predictions are of shape {part.shape}, {wanted} is needed")
        double = any(part.dtype == np.float64 for part in parts.values())
        blended = np.empty(shape, np.float64 if double else np.float32)
        rows = max(1, BLOCK // max(1, math.prod(shape[1:])))
        for start in range(0, len(blended), rows):
            total: Array | float = 0.0
            for key, part in parts.items():
                block = part[start : start + rows].astype(np.float64)
                if self.normalise:
                    block /= np.linalg.norm(block, axis=-1, keepdims=True).clip(1e-12)
                block *= factors[key]
                total = total + block
            blended[start : start + rows] = total
        return blended

    def _factor(self, key: str) -> float | Array:
        """A member's weight, or its weights (T,) by column."""
        import numpy as np

        return np.array(self.by_group[key])[self.group_of_column] if self.by_group else self.weights[key]


class Blender(ABC):
    """Finds a blend. ``needs_oof`` tells whether it looks at out-of-fold predictions at all."""

    needs_oof = True

    say: Callable[[str], None] = staticmethod(lambda line: None)
    """Set by the workflow: a fit that takes longer than some seconds says now and then how far it is."""

    @abstractmethod
    def fit(self, oof: Mapping[str, Array], samples: Samples, metric: Metric) -> Blend:
        """A blend of out-of-fold predictions by member key, rows as in ``samples``."""


@dataclass(frozen=True)
class FilterContext:
    """What a filter is told besides the samples: a folder of its own, pictures if any, seed, device, progress."""

    folder: Path
    files: Path | None
    seed: int
    device: str
    fit: Callable[[Mapping[str, Any], Samples, Samples], Array]
    """Fit a member (as in a config) on the first samples and predict the second: for filters that need a baseline."""
    progress: Callable[[int, int], None] = lambda done, total: None


class Filter(ABC):
    """Scores training samples and says which to keep."""

    @abstractmethod
    def score(self, samples: Samples, context: FilterContext) -> Array:
        """(N,) float; higher fits better."""

    @abstractmethod
    def keep(self, scores: Array) -> Array:
        """(N,) bool from the scores."""
