"""The Lightning side of training a network: its module, what follows each validation, its checkpoints."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from ctk.config.training_keys import Schedule, Training
from ctk.contract import Batch, FitContext
from ctk.plugins.guard import Doing
from ctk.plugins.guard.loss import scalar
from ctk.samples import Array, Samples
from ctk.training import torchrun
from ctk.training.datasets import FeaturesDataset, SequentialSlices
from ctk.training.schedules import learning_rate_factor
from ctk.training.torch_files import save_tensors

State = dict[str, Tensor]
OTHER_SEED = 7_368_787
"""Between the seeds of two ranks: else all would drop the same units of different rows."""
VALID_LOSS = "valid_loss"
"""In curves and scores: the loss of the validation samples, where a member asks for it."""


class NetworkModule(L.LightningModule):
    """A network and its loss. Seeds torch anew each step, which is what makes a resumed fit the same fit.

    columns    of the target that alone are trained, (C,) int64, or None for all
    parts      validations an epoch: Lightning takes what lies between two of them for an epoch
    comparing  the guard of the plugin that the loss is of
    """

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        training: Training,
        seed: int,
        columns: Array | None,
        parts: int,
        comparing: Doing,
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.training_config = training
        self.seed = seed
        self.columns = None if columns is None else torch.from_numpy(columns)
        self.parts = parts
        self.comparing = comparing
        self.losses: list[Tensor] = []
        self.valid_losses: list[tuple[int, Tensor]] = []
        self.scale = getattr(network, "scale", None)

    def on_fit_start(self) -> None:
        if self.columns is not None:
            self.columns = self.columns.to(self.device)

    def training_step(self, batch: Batch, number: int) -> Tensor:
        seed = self.seed * 1_000_003 + self.global_step
        self._seed(seed if (team := torchrun.current_team()) is None else seed + OTHER_SEED * team.place.rank)
        prediction = self.network(*inputs(self.network, batch.features, self.device))
        loss = self._compared(prediction, batch, self.current_epoch // self.parts)
        self.losses.append(loss.detach())
        return loss

    def _compared(self, prediction: Tensor, batch: Batch, epoch: int) -> Tensor:
        """The loss, such that the mean over ranks is that of the whole batch."""
        target = batch.target if self.scale is None else self.scale(batch.target)
        if self.columns is not None:
            prediction, target = prediction[:, self.columns], target[:, self.columns]
        batch = batch._replace(target=target, epoch=epoch, columns=self.columns)
        spans = getattr(self.loss, "spans_ranks", False)
        if batch.share == 0:
            if not spans:
                return 0 * prediction.sum()  # a mean over no rows would be NaN
            prediction, batch = prediction[:0], empty_batch(batch)
        with self.comparing:
            loss = scalar(self.loss(prediction, batch))
        return loss if spans or batch.share == 1 else loss * batch.share

    def _seed(self, seed: int) -> None:
        """As torch.manual_seed, which without a GPU keeps a stack trace of each call, a millisecond a step."""
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def validation_step(self, rows: dict[str, Tensor] | Batch, number: int) -> Tensor:
        """The prediction in the samples' units; given targets too, the loss as in the last epoch, when warm."""
        if not isinstance(rows, Batch):
            return output(self.network, rows, self.device)
        prediction: Tensor = self.network(*inputs(self.network, rows.features, self.device))
        loss = self._compared(prediction, rows, self.training_config.epochs - 1)
        self.valid_losses.append((len(rows.target), loss))
        return unscaled(self.network, prediction)

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
        optimizer = kind(groups, lr=config.lr, betas=config.betas)
        if schedule.name == "plateau" or (schedule.name == "constant" and not schedule.warmup):
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        rate = learning_rate_factor(schedule, config.lr, steps, self.training_config.epochs)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": LambdaLR(optimizer, rate), "interval": "step"}}


class ValidationTracker(Callback):
    """Scores each validated epoch, keeps the best weights and the curve, and tells the run how far it is.

    All of it is part of the checkpoint. It stands before the weight-averaging callback, so that what it scores and
    keeps are the averaged weights.

    before, total  epochs fitted before this fit, and in all
    whole          where some columns are trained alone, the prediction (N, D) for ``valid`` that they become part of:
                   ``best`` stays None while no epoch makes it better. The columns are overwritten
    place          which part of the rows this process validates, of how many
    """

    def __init__(
        self,
        valid: Samples,
        context: FitContext,
        stage: Training,
        before: int,
        total: int,
        whole: Array | None,
        place: tuple[int, int] = (0, 1),
    ) -> None:
        self.valid = valid.with_own_gallery() if valid.gallery is not None else valid
        self.context = context
        self.stage = stage
        self.place = place
        self.before = before
        self.total = total
        self.prediction = whole
        self.rows = 0
        self.parts: list[Array] = []
        self.best: State | None = None
        self.best_by_loss: State | None = None
        self.lowest_loss = math.inf
        self.best_score = math.nan if whole is None else self._scored(whole)
        self.stale = 0
        self.loss = math.nan
        self.curve: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        assert isinstance(module, NetworkModule)
        self.loss = float(torch.stack(module.losses).mean())
        if team := torchrun.current_team():
            self.loss = team.mean(self.loss)
        module.losses.clear()
        epoch = self._epoch(trainer, module)
        point = {"epoch": epoch, "loss": self.loss}
        if self.curve and self.curve[-1]["epoch"] == epoch:
            point |= self.curve[-1] | {f"best_{self.context.metric.name}": self.best_score}
            # A copy's loss is of its own columns alone, and no point on the curve of the whole.
            if module.columns is None:
                self.curve[-1]["loss"] = self.loss
        for logger in trainer.loggers:
            logger.log_metrics(point, step=round(epoch * module.parts))
        scores = {"loss": self.loss, "best": self.best_score}
        if self.curve:
            known = (self.context.metric.name, VALID_LOSS)
            scores |= {name: self.curve[-1][name] for name in known if name in self.curve[-1]}
        done = self.before + self.stage.epochs if trainer.should_stop else int(epoch)
        self.context.progress(done, self.total, scores)

    def on_validation_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.rows = 0
        self.parts = []

    def on_validation_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, number: int, loader: int = 0
    ) -> None:
        assert isinstance(module, NetworkModule)
        part = outputs.cpu().numpy()
        if self.place[1] == 1:
            self._put(module, part)
        else:
            self.parts.append(part)

    def _put(self, module: NetworkModule, part: Array) -> None:
        """The next rows of the prediction."""
        if self.prediction is None:
            self.prediction = np.empty((len(self.valid), *part.shape[1:]), dtype=np.float32)
        rows = slice(self.rows, self.rows + len(part))
        if module.columns is None:
            self.prediction[rows] = part
        else:
            columns = module.columns.cpu().numpy()
            self.prediction[rows, columns] = part[:, columns]
        self.rows = rows.stop

    def on_validation_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        assert isinstance(module, NetworkModule)
        metric, team = self.context.metric, torchrun.current_team()
        if team is not None and self.place[1] > 1:
            own = SequentialSlices(len(self.valid), *self.place).own
            for part in team.rows_at_first(np.concatenate(self.parts)[:own]):
                self._put(module, part)
            self.parts = []
        score = self._scored(self.prediction)
        self.curve.append({"epoch": self._epoch(trainer, module), metric.name: score})
        self.stale += 1
        if math.isfinite(score) and not metric.sign * score <= metric.sign * self.best_score:
            self.best_score, self.stale = score, 0
            self.best = _state(module.network) if is_first_rank() else None
        if module.valid_losses:
            rows = sum(count for count, _ in module.valid_losses)
            loss = sum(count * float(each) for count, each in module.valid_losses) / rows
            loss = loss if team is None else team.from_first(loss)
            module.valid_losses.clear()
            self.curve[-1][VALID_LOSS] = loss
            if loss < self.lowest_loss:
                self.lowest_loss, self.best_by_loss = loss, _state(module.network) if is_first_rank() else None
        if self.stage.patience and self.stale >= self.stage.patience:
            trainer.should_stop = True

    def _scored(self, prediction: Array | None) -> float:
        """The metric, by the first rank so that all decide alike; NaN where the prediction is not finite."""
        score = math.nan
        if is_first_rank():
            assert prediction is not None
            score = self.context.metric.score(prediction, self.valid) if np.isfinite(prediction).all() else math.nan
        return score if (team := torchrun.current_team()) is None else team.from_first(score)

    def state_dict(self) -> dict[str, Any]:
        names = ("best", "best_score", "best_by_loss", "lowest_loss", "stale", "curve", "loss")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def _epoch(self, trainer: L.Trainer, module: NetworkModule) -> float:
        """Epochs done at the end of this one; whole numbers as such."""
        parts = trainer.current_epoch + 1
        whole = parts % module.parts == 0
        return self.before + (parts // module.parts if whole else parts / module.parts)


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

    def __init__(self, schedule: Schedule, follow: ValidationTracker) -> None:
        self.schedule = schedule
        self.follow = follow
        self.metric = follow.context.metric
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
        self.scheduler.step(self.follow.curve[-1][self.metric.name])

    def state_dict(self) -> dict[str, Any]:
        assert self.scheduler is not None
        return self.scheduler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.saved = state


class AtomicCheckpoints(TorchCheckpointIO):
    """A checkpoint is whole or not there, also where the temporary folder is on another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        save_tensors(checkpoint, Path(path))


def last_checkpoint(folder: Path, stage: Training, parts: int) -> ModelCheckpoint:
    """Keeps ``last.ckpt``, written after an epoch's validation, so that it holds what ``ValidationTracker`` found in it."""
    return ModelCheckpoint(
        folder,
        filename="last",
        save_top_k=1,
        every_n_epochs=stage.checkpoint_every * parts,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def is_first_rank() -> bool:
    """Whether this process is the one that writes and decides: the first rank, or the only one."""
    team = torchrun.current_team()
    return team is None or team.place.leads


def rank_and_ranks(team: torchrun.Team | None) -> tuple[int, int]:
    """This process's number among those that share rows, and how many do."""
    return (0, 1) if team is None else (team.place.rank, team.place.size)


def empty_batch(batch: Batch) -> Batch:
    """The same with none of its rows."""
    features = {name: values[:0] for name, values in batch.features.items()}
    ids = None if batch.target_ids is None else batch.target_ids[:0]
    return batch._replace(features=features, target=batch.target[:0], target_ids=ids)


def inputs(network: nn.Module, features: Mapping[str, Tensor], device: Any) -> list[Tensor]:
    """The features that a network reads, in its order, where it is."""
    return [features[name].to(device) for name in network.features]  # type: ignore[union-attr]


def output(network: nn.Module, features: Mapping[str, Tensor], device: Any) -> Tensor:
    """(B, D) float32: what the network predicts, in the samples' units."""
    return unscaled(network, network(*inputs(network, features, device)))


def unscaled(network: nn.Module, prediction: Tensor) -> Tensor:
    """What the network gave, in the samples' units, float32."""
    return (network.unscale(prediction) if hasattr(network, "unscale") else prediction).float()  # type: ignore[operator]


def _state(network: nn.Module) -> State:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


@torch.inference_mode()
def predict_blocks(network: nn.Module, samples: Samples, device: torch.device) -> Iterator[tuple[slice, Array]]:
    """Predictions in the samples' units, some thousand rows at a time: (rows, (B, D) float32)."""
    network.to(device).eval()
    features = FeaturesDataset(samples, network.features)  # type: ignore[arg-type]
    for rows in SequentialSlices(len(samples)):
        yield rows, output(network, features[rows], device).cpu().numpy()
