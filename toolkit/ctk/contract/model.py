"""What a model is, what it is told when it fits, and what a loss sees of a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ctk.contract.fit_limit import FitLimit
from ctk.contract.schema import Choice, Strict
from ctk.samples import Array, Samples

if TYPE_CHECKING:
    from torch import Tensor
from ctk.contract.metric import Metric


class Batch(NamedTuple):
    """A batch as a loss sees it, beside the prediction.

    features    by name, (B, ...) tensors
    target      (B, D): target values, or the gallery vectors of the targets; of text (B, 128) int32, the code points of
                its first characters, zeros after its end
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
class FitContext:
    """The context of a fit: what a model is told besides its samples.

    folder    where checkpoints and logs go; may hold those of an interrupted fit, from which to go on
    seed      of everything random
    metric    what decides which epoch is best
    device    "auto", "cpu" or "gpu"
    trackers  the trackers to log to, by name with options
    steps     at most so many optimiser steps (a dry run), or None
    progress  call with (done, total, scores) as often as is useful
    working   call with (done, total) between two of those, where one takes long: 0.25 is a quarter of the first
    tell      call with a line that belongs into the run's log
    limit     the time that the fit has, where the run has a time limit; a model that does not ask it is given up if it
              takes longer
    """

    folder: Path
    seed: int
    metric: Metric
    device: str = "auto"
    trackers: Sequence[Choice] = ()
    steps: int | None = None
    progress: Callable[[int, int, Mapping[str, float]], None] = lambda done, total, scores: None
    working: Callable[[float, int], None] = lambda done, total: None
    tell: Callable[[str], None] = lambda line: None
    limit: FitLimit | None = None


class NoTraining(Strict):
    """A schema for models that have nothing to set beside their own options."""


class Model(ABC):
    """Anything that learns from samples and predicts an array."""

    schema: type[Strict] = NoTraining
    """Schema of the member's further config keys; ``self.training`` is an instance of it."""
    training: Any
    spans_ranks: bool = False
    """Whether, under torchrun, every rank calls ``fit`` for all to learn one model; else the first does, alone. What
    they then tell each other goes through ``ctk.training.torchrun.current_team()``."""
    reads_nan: bool = True
    """Whether it reads features that are NaN or infinite, or refuses them itself. Of others they are looked for before
    the fit, which then ends in a sentence."""

    predicts_text: bool = False
    """Whether it learns from targets that are text, and predicts such. Of others that is asked before the fit, which
    then ends in a sentence."""

    @abstractmethod
    def fit(self, train: Samples, valid: Samples, context: FitContext) -> None:
        """Learn. Killed at any moment, a second call with the same context must end with the same result."""

    @abstractmethod
    def predict(self, samples: Samples) -> Array:
        """Predict (N, ...) float32, a row a sample; or (N,) text where the target that was learned from is text."""

    def features_read(self, samples: Samples) -> Collection[str]:
        """Name what it will read of these training samples; asked where ``reads_nan`` is false and something is NaN."""
        return samples.features.keys()

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what ``load`` needs into a folder, which is there."""

    @abstractmethod
    def load(self, folder: Path, samples: Samples, device: str = "auto") -> None:
        """Become the model that was saved; ``samples`` tell widths where needed, ``device`` is that of a FitContext."""

    def importances(self) -> Mapping[str, float] | None:
        """Tell how much it makes of each column that it reads, by name, for the report; None where it cannot say.

        Numbers not below zero; those of one model compare with each other. Columns of none may be left out.
        """
        return None

    def memory(self, samples: Samples, device: str = "auto") -> int | None:
        """Tell how many bytes a fit on such samples takes at most, about; None where that is not known."""
        return None
