"""The Lightning side of training a network: its module, what follows each epoch, its checkpoints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor, nn

from ctk.components.training import Training
from ctk.contract import Batch, FitContext
from ctk.files import atomic
from ctk.samples import Samples

State = dict[str, Tensor]


class Fit(L.LightningModule):
    """A network and its loss. Seeds torch anew each step, which is what makes a resumed fit the same fit."""

    def __init__(self, network: nn.Module, loss: nn.Module, training: Training, seed: int) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.training_config = training
        self.seed = seed
        self.outputs: list[Tensor] = []
        self.losses: list[Tensor] = []

    def training_step(self, batch: Batch, number: int) -> Tensor:
        torch.manual_seed(self.seed * 1_000_003 + self.global_step)
        loss: Tensor = self.loss(self(batch), batch._replace(epoch=self.current_epoch))
        self.losses.append(loss.detach())
        return loss

    def validation_step(self, batch: Batch, number: int) -> None:
        self.outputs.append(self(batch).float().cpu())

    def forward(self, batch: Batch) -> Tensor:
        prediction: Tensor = self.network(*inputs(self.network, batch.features, self.device))
        return prediction

    def configure_optimizers(self) -> Any:
        config, schedule = self.training_config.optimizer, self.training_config.schedule
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.name]
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        scalars = [parameter for parameter in trained if parameter.ndim == 0]  # a temperature has nowhere to decay to
        groups = [
            {"params": [parameter for parameter in trained if parameter.ndim], "weight_decay": config.weight_decay}
        ]
        if scalars:
            groups.append({"params": scalars, "weight_decay": 0.0})
        optimizer = kind(groups, lr=config.lr)
        if schedule.name == "constant" and not schedule.warmup:
            return optimizer
        steps = self.trainer.estimated_stepping_batches
        warm = schedule.warmup * steps / self.training_config.epochs

        def rate(step: int) -> float:
            if step < warm:
                return (step + 1) / warm
            if schedule.name == "constant":
                return 1.0
            return (1 + math.cos(math.pi * (step - warm) / max(1.0, steps - warm))) / 2

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class Follow(Callback):
    """Scores each validated epoch, keeps the best weights and the curve, and tells the run how far it is.

    All of it is part of the checkpoint. It stands before the weight-averaging callback, so that what it scores and
    keeps are the averaged weights.
    """

    def __init__(self, valid: Samples, context: FitContext, stage: Training, before: int, total: int) -> None:
        self.valid = valid.with_own_gallery() if valid.gallery is not None else valid
        self.context = context
        self.stage = stage
        self.before = before
        self.total = total
        self.best: State | None = None
        self.best_score = math.nan
        self.loss = math.nan
        self.curve: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        assert isinstance(module, Fit)
        self.loss = float(torch.stack(module.losses).mean())
        module.losses.clear()
        for logger in trainer.loggers:
            logger.log_metrics({"loss": self.loss}, step=trainer.current_epoch)
        if self.curve and self.curve[-1]["epoch"] == self.before + trainer.current_epoch + 1:
            self.curve[-1]["loss"] = self.loss
        self._tell(trainer)

    def on_validation_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        assert isinstance(module, Fit)
        metric = self.context.metric
        prediction = torch.cat(module.outputs).numpy()
        module.outputs.clear()
        score = metric.score(prediction, self.valid) if np.isfinite(prediction).all() else math.nan
        self.curve.append({"epoch": self.before + trainer.current_epoch + 1, metric.name: score})
        if math.isfinite(score) and not metric.sign * score <= metric.sign * self.best_score:
            self.best_score = score
            self.best = {name: value.detach().cpu().clone() for name, value in module.network.state_dict().items()}
        for logger in trainer.loggers:
            logger.log_metrics({metric.name: score}, step=trainer.current_epoch)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_score": self.best_score, "curve": self.curve, "loss": self.loss}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.best_score = state["best"], state["best_score"]
        self.curve, self.loss = state["curve"], state["loss"]

    def _tell(self, trainer: L.Trainer) -> None:
        scores = {"loss": self.loss, "best": self.best_score}
        if self.curve:
            scores[self.context.metric.name] = self.curve[-1][self.context.metric.name]
        self.context.progress(self.before + trainer.current_epoch + 1, self.total, scores)


class AtomicCheckpoints(TorchCheckpointIO):
    """A checkpoint is whole or not there, also where the temporary folder is on another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with atomic(Path(path)) as temporary:
            torch.save(checkpoint, temporary)


def last_checkpoint(folder: Path, stage: Training) -> ModelCheckpoint:
    """Keeps ``last.ckpt``, written after an epoch's validation, so that it holds what ``Follow`` found in it."""
    return ModelCheckpoint(
        folder,
        filename="last",
        save_top_k=1,
        every_n_epochs=stage.checkpoint_every,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def inputs(network: nn.Module, features: Mapping[str, Tensor], device: Any) -> list[Tensor]:
    """The features that a network reads, in its order, where it is."""
    return [features[name].to(device) for name in network.features]  # type: ignore[union-attr]
