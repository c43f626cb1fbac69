"""Tracking a fit's validations: score each, keep the best weights and the curve, tell the run."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from ctk.config.training_keys import Training
from ctk.contract import FitContext, FitLimit
from ctk.errors import CtkError
from ctk.merit import merit
from ctk.samples import Array, Samples
from ctk.training import torchrun
from ctk.training.averages import Snapshots
from ctk.training.datasets import SequentialSlices
from ctk.training.forward import State, as_predicted, copy_state, put_columns, put_rows
from ctk.training.lightning_module import NetworkModule

VALID_LOSS = "valid_loss"
"""In curves and scores: the loss of the validation samples, where a member asks for it."""


class ValidationPrediction:
    """The prediction for all validation samples, put together from batches that come in order.

    whole   where some columns are trained alone, the prediction (N, D) that they become part of; it is overwritten
    slices  the rows that this process validates, in the order in which they come. Where others are validated by other
            ranks, the first rank has the prediction
    """

    def __init__(self, whole: Array | None, slices: SequentialSlices) -> None:
        self.values = whole
        self.slices = slices
        self.begin()

    def begin(self) -> None:
        """Begin again at the first row."""
        self.filled = 0
        self.own: list[Array] = []

    def add(self, batch: Array, columns: Array | None) -> None:
        """Add the next (B, D) rows, or of them some columns alone, (C,) int64."""
        if self.slices.ranks == 1:
            self._put(batch, columns)
        else:
            self.own.append(batch)

    def complete(self, columns: Array | None) -> None:
        """Bring the rows of all ranks to the first."""
        team = torchrun.current_team()
        if team is None or self.slices.ranks == 1:
            return
        for part in team.rows_at_first(np.concatenate(self.own)[: self.slices.own]):
            self._put(part, columns)
        self.own = []

    def put(self, rows: slice | Array, part: Array, columns: Array | None) -> None:
        """Write the prediction for some rows, (B, D), or of it some columns alone."""
        if columns is None:
            self.values = put_rows(self.values, self.slices.rows, rows, part)
        else:
            assert self.values is not None
            put_columns(self.values, rows, part, columns)

    def _put(self, part: Array, columns: Array | None) -> None:
        place = slice(self.filled, self.filled + len(part))
        self.put(place if self.slices.sequences is None else self.slices.sequences.rows[place], part, columns)
        self.filled = place.stop


@dataclass
class BestWeights:
    """The weights with the best score, and those with the lowest loss; the first rank alone has them.

    score  the best so far; None of ``weights`` with a score are those that a fit began with
    stale  validations since then
    """

    score: float = math.nan
    weights: State | None = None
    stale: int = 0
    loss: float = math.inf
    weights_by_loss: State | None = None

    def offer(self, network: nn.Module, score: float, sign: int) -> None:
        """Keep the weights if their score is finite and better; ``sign`` is that of the metric."""
        self.stale += 1
        if math.isfinite(score) and merit(score, sign) > merit(self.score, sign):
            self.score, self.stale = score, 0
            self.weights = copy_state(network) if torchrun.is_first_rank() else None

    def offer_by_loss(self, network: nn.Module, loss: float) -> None:
        """Keep the weights if their loss is lower."""
        if loss < self.loss:
            self.loss, self.weights_by_loss = loss, copy_state(network) if torchrun.is_first_rank() else None


class ValidationTracker(Callback):
    """Scores each validation, keeps the best weights and the curve, and tells the run how far it is.

    All of it is part of the checkpoint. It stands before the weight-averaging callback, so that what it scores and
    keeps are the averaged weights.

    before, total  epochs fitted before this fit, and in all
    whole          where some columns are trained alone, the prediction (N, D) for ``valid`` that they become part of:
                   ``best.weights`` stay None while no epoch makes it better. The columns are overwritten
    slices         the rows that this process validates, in the order in which they come
    """

    def __init__(
        self,
        valid: Samples,
        context: FitContext,
        stage: Training,
        before: int,
        total: int,
        whole: Array | None,
        slices: SequentialSlices,
    ) -> None:
        self.valid = valid.with_own_gallery() if valid.gallery is not None else valid
        self.context = context
        self.stage = stage
        self.before = before
        self.total = total
        self.prediction = ValidationPrediction(whole, slices)
        self.score_before = math.nan if whole is None else self._score()
        self.best = BestWeights(self.score_before)
        self.snapshots = Snapshots(stage.snapshots or 0)
        self.curve: list[dict[str, float]] = []
        self.loss = math.nan
        self.begun = False
        self.asked_at = 0.0

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.asked_at = time.monotonic()
        self.begun = True  # whatever was to be read of a checkpoint has been
        self.context.working(self.before, self.total)

    def on_validation_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.prediction.begin()

    def on_validation_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, number: int, loader: int = 0
    ) -> None:
        assert isinstance(module, NetworkModule)
        self.prediction.add(as_predicted(module.network, outputs), _columns(module))

    def on_validation_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        assert isinstance(module, NetworkModule)
        self.prediction.complete(_columns(module))
        metric, score = self.context.metric, self._score()
        self.curve.append({"epoch": self._epochs_done(trainer, module), metric.name: score})
        self.best.offer(module.network, score, metric.sign)
        if self.snapshots.wanted:
            self.snapshots.offer(module.network, score, metric.sign)
        if module.valid_losses:
            loss = self.curve[-1][VALID_LOSS] = _validation_loss(module)
            self.best.offer_by_loss(module.network, loss)
        if self.stage.patience and self.best.stale >= self.stage.patience:
            trainer.should_stop = True

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, number: int
    ) -> None:
        assert isinstance(module, NetworkModule)
        parts = trainer.current_epoch + (number + 1) / trainer.num_training_batches
        self.context.working(self.before + parts / module.parts, self.total)
        limit = self.context.limit
        # In the midst of an epoch only before the first that is validated; and several ranks agree at its end alone.
        if limit is not None and not self.curve and torchrun.current_team() is None and limit.is_up(self._share):
            trainer.check_val_every_n_epoch = 1  # Lightning validates, then ends
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        assert isinstance(module, NetworkModule)
        self.loss = float(torch.stack(module.losses).mean())
        if team := torchrun.current_team():
            self.loss = team.mean(self.loss)
        module.losses.clear()
        epoch = self._epochs_done(trainer, module)
        self._log(trainer, module, epoch)
        scores = {"loss": self.loss, "best": self.best.score}
        if self.curve:
            known = (self.context.metric.name, VALID_LOSS)
            scores |= {name: self.curve[-1][name] for name in known if name in self.curve[-1]}
        done = self.before + self.stage.epochs if trainer.should_stop else int(epoch)
        self.context.progress(done, self.total, scores)
        if self.context.limit is not None and self.curve and not trainer.should_stop:
            trainer.should_stop = self._is_time_up(self.context.limit)

    def _is_time_up(self, limit: FitLimit) -> bool:
        """Whether the next epoch would be too long, by the first rank's clock. The last one was as long."""
        last, self.asked_at = self.asked_at, time.monotonic()
        team = torchrun.current_team()
        up = torchrun.is_first_rank() and limit.is_up(self._share, self.asked_at - last)
        return up if team is None else team.from_first(up)

    @property
    def _share(self) -> float:
        """Of the member's fit, where this stage ends."""
        return (self.before + self.stage.epochs) / self.total

    def _log(self, trainer: L.Trainer, module: NetworkModule, epoch: float) -> None:
        """Give the loggers the loss and what was validated; the curve gets the loss too."""
        point = {"epoch": epoch, "loss": self.loss}
        if self.curve and self.curve[-1]["epoch"] == epoch:
            point |= self.curve[-1] | {f"best_{self.context.metric.name}": self.best.score}
            # A copy's loss is of its own columns alone, and no point on the curve of the whole.
            if module.columns is None:
                self.curve[-1]["loss"] = self.loss
        for logger in trainer.loggers:
            logger.log_metrics(point, step=round(epoch * module.parts))

    def offer_average(
        self, weights: State, count: int, blocks: Iterable[tuple[slice | Array, Array]], columns: Array | None
    ) -> None:
        """Take a mean of ``count`` epochs' weights in the place of the best, by the first rank, and tell its score.

        Not where that is not finite or, with columns trained alone, no better than without them.

        blocks   what it predicts for rows of the validation samples
        columns  which of it count, (C,) int64, or None for all
        """
        metric, best = self.context.metric, self.best
        for rows, part in blocks:
            self.prediction.put(rows, part, columns)
        score = self._first_ranks_score()
        used = merit(score, metric.sign) > merit(self.score_before, metric.sign)
        self.context.tell(
            f"The mean of {count} epochs' weights has {metric.name} {score:.6g}, the best epoch's {best.score:.6g};"
            f" {'the mean is' if used else 'the mean is not'} used."
        )
        if used:
            best.score, best.weights = score, weights

    def _score(self) -> float:
        """Score by the first rank, so that all decide alike; NaN where the prediction is not finite."""
        score = self._first_ranks_score() if torchrun.is_first_rank() else math.nan
        return score if (team := torchrun.current_team()) is None else team.from_first(score)

    def _first_ranks_score(self) -> float:
        prediction = self.prediction.values
        assert prediction is not None
        finite = prediction.dtype.kind == "U" or np.isfinite(prediction).all()
        return self.context.metric.score_or_nan(prediction, self.valid) if finite else math.nan

    def _epochs_done(self, trainer: L.Trainer, module: NetworkModule) -> float:
        """Count the epochs done at the end of this one; whole numbers as such."""
        parts = trainer.current_epoch + 1
        whole = parts % module.parts == 0
        return self.before + (parts // module.parts if whole else parts / module.parts)

    def state_dict(self) -> dict[str, Any]:
        return {"best": vars(self.best), "curve": self.curve, "loss": self.loss, "snapshots": self.snapshots.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.curve, self.loss = BestWeights(**state["best"]), state["curve"], state["loss"]
        self.snapshots.best = state["snapshots"]

    def on_load_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint that does not know the best weights so far: the fit would end with others."""
        if self.state_key not in checkpoint["callbacks"]:
            raise CtkError(
                f"{trainer.ckpt_path}: an earlier version of the toolkit wrote this checkpoint.",
                "Remove it, and the stage is fitted from its beginning; or go on with that version.",
            )


def _columns(module: NetworkModule) -> Array | None:
    return None if module.columns is None else module.columns.cpu().numpy()


def _validation_loss(module: NetworkModule) -> float:
    """Take the mean of a validation's losses over its rows, the same on each rank."""
    rows = sum(count for count, _ in module.valid_losses)
    loss = sum(count * float(each) for count, each in module.valid_losses) / rows
    module.valid_losses.clear()
    return loss if (team := torchrun.current_team()) is None else team.from_first(loss)
