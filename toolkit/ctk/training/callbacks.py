"""Lightning's callbacks beside a fit: the plateau's learning rate, checkpoints, the answer to signals."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ctk.config.training_keys import Schedule, Training
from ctk.training.torch_files import save_tensors
from ctk.training.validation_tracker import ValidationTracker


class KeepSignalHandlers(Callback):
    """Keeps the answer to SIGTERM that there was before.

    Lightning's own answer, where there are several ranks, waits for the others, and torchrun sends the signal when one
    of them is gone.
    """

    def __init__(self) -> None:
        self.before = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.before)


class PlateauSchedule(Callback):
    """Lowers the learning rate when validations bring no gain.

    Lightning's own way takes this step after the checkpoint is written, and a resumed fit would lack it.
    """

    def __init__(self, schedule: Schedule, tracker: ValidationTracker) -> None:
        self.schedule = schedule
        self.tracker = tracker
        self.metric = tracker.context.metric
        self.scheduler: ReduceLROnPlateau | None = None
        self.saved: dict[str, Any] = {}

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.scheduler = ReduceLROnPlateau(
            trainer.optimizers[0],
            self.metric.direction,
            factor=self.schedule.factor,
            patience=self.schedule.patience,
            min_lr=self.schedule.floor,
        )
        self.scheduler.load_state_dict(self.saved)

    def on_validation_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        assert self.scheduler is not None
        self.scheduler.step(self.tracker.curve[-1][self.metric.name])

    def state_dict(self) -> dict[str, Any]:
        assert self.scheduler is not None
        return self.scheduler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.saved = state


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes checkpoints that are whole or not there, also where the temporary folder is on another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        save_tensors(checkpoint, Path(path))


def last_checkpoint(folder: Path, stage: Training, parts: int) -> ModelCheckpoint:
    """Keep ``last.ckpt``, written after an epoch's validation, so that it holds what ``ValidationTracker`` found."""
    return ModelCheckpoint(
        folder,
        filename="last",
        save_top_k=1,
        every_n_epochs=stage.checkpoint_every * parts,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
