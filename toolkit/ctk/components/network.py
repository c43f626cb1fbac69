"""Networks as models: one training loop for all of them, built on Lightning."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ctk.competition import Array, Samples
from ctk.components.batches import Batches
from ctk.components.training import Training
from ctk.contract import Batch, FitContext, Model
from ctk.errors import CtkError
from ctk.files import atomic
from ctk.plugins import plugins

PREDICT_ROWS = 4096
State = dict[str, Tensor]


def as_model(thing: Any) -> type[Model]:
    """A registered model as a ``Model`` class; a torch module gets the Lightning loop around it."""
    if isinstance(thing, type) and issubclass(thing, Model):
        return thing
    if isinstance(thing, type) and issubclass(thing, nn.Module):
        return type(thing.__name__, (NetworkModel,), {"network_class": thing, "__doc__": thing.__doc__})
    raise CtkError(f"{thing!r} is registered as a model, but is neither a ctk Model nor a torch module.")


class NetworkModel(Model):
    """A torch module with a loss, trained stage by stage; the best epoch by the metric is kept.

    The module's class method ``for_samples(samples, **options)`` makes it, its ``features`` attribute names what its
    ``forward`` reads. Each epoch seeds torch from (seed, stage, epoch), so that a fit resumed from a checkpoint is, on
    the same hardware and threads, the fit that was never interrupted.
    """

    Training = Training
    training: Training
    network_class: type[nn.Module]
    network: nn.Module

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.device = "cpu"
        self.curve: list[dict[str, float]] = []

    def fit(self, train: Samples, valid: Samples, context: FitContext) -> None:
        """Train every stage that is not done yet; each starts from the best weights of the one before."""
        _quieten()
        self.device = _device(context.device)
        torch.manual_seed(context.seed)
        self.network = self._new(train)
        stages = self.training.phases()
        total = sum(stage.epochs for stage in stages)
        before = 0
        for number, stage in enumerate(stages):
            folder = context.folder / f"stage-{number + 1}"
            if not (folder / "done.pt").exists():
                self._fit_stage(stage, number, before, total, train, valid, context, folder)
            done = torch.load(folder / "done.pt", weights_only=True, map_location="cpu")
            self.network.load_state_dict(done["best"])
            self.curve += done["curve"]
            before += stage.epochs

    def predict(self, samples: Samples) -> Array:
        """(N, D) float32, in eval mode and float32 whatever the training's precision."""
        self.network.to(self.device).eval()
        data = _Rows(samples)
        with torch.inference_mode():
            parts = [
                self.network(*_inputs(self.network, data.features_of(rows), self.device)).float().cpu()
                for rows in torch.arange(len(samples)).split(PREDICT_ROWS)
            ]
        return torch.cat(parts).numpy()

    def save(self, folder: Path) -> None:
        """Write ``weights.pt``, a state dict; the stages' checkpoints are no longer needed then."""
        with atomic(folder / "weights.pt") as temporary:
            torch.save(self.network.state_dict(), temporary)

    def load(self, folder: Path, samples: Samples) -> None:
        """Read ``weights.pt`` into a network made for ``samples`` (which need a target)."""
        self.network = self._new(samples)
        self.network.load_state_dict(torch.load(folder / "weights.pt", weights_only=True, map_location="cpu"))

    def _new(self, samples: Samples) -> nn.Module:
        network: nn.Module = self.network_class.for_samples(samples, **self.options)  # type: ignore[operator]
        return network

    def _fit_stage(
        self,
        stage: Training,
        number: int,
        before: int,
        total: int,
        train: Samples,
        valid: Samples,
        context: FitContext,
        folder: Path,
    ) -> None:
        loss = plugins().load("losses", stage.loss.name)(**stage.loss.options)
        module = _Fit(self.network, loss, stage, seed=context.seed + 1_000_003 * number)
        follow = _Follow(valid, context, stage, before, total)
        last = folder / "last.ckpt"
        callbacks: list[Callback] = [follow, _last_checkpoint(folder, stage)]
        if stage.ema is not None:
            callbacks.append(EMAWeightAveraging(decay=stage.ema))
        batches = Batches(
            len(train), stage.batch.size, context.seed, train.group(stage.batch.by) if stage.batch.by else None
        )
        trainer = L.Trainer(
            max_epochs=stage.epochs,
            max_steps=context.steps or -1,
            accelerator=self.device,
            devices=1,
            precision=stage.precision,
            gradient_clip_val=stage.clip,
            callbacks=callbacks,
            logger=[plugins().load("trackers", name)(folder, f"stage-{number + 1}") for name in context.trackers],
            plugins=[_AtomicCheckpoints()],
            check_val_every_n_epoch=stage.validate_every,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            deterministic="warn",
            default_root_dir=folder,
        )
        trainer.fit(
            module,
            DataLoader(_Rows(train), sampler=batches, batch_size=None),
            DataLoader(_Rows(valid), sampler=_InOrder(len(valid)), batch_size=None),
            ckpt_path=last if last.exists() else None,
            weights_only=True,
        )
        if trainer.interrupted:
            raise KeyboardInterrupt
        if follow.best is None:
            raise CtkError(
                f"Training ended without a finite {context.metric.name} (loss {follow.loss}).",
                "Lower the learning rate, set clip, or look at the loss curve.",
            )
        with atomic(folder / "done.pt") as temporary:
            torch.save({"best": follow.best, "curve": follow.curve}, temporary)
        last.unlink(missing_ok=True)


class _Fit(L.LightningModule):
    def __init__(self, network: nn.Module, loss: nn.Module, training: Training, seed: int) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.training_config = training
        self.seed = seed
        self.outputs: list[Tensor] = []
        self.losses: list[Tensor] = []

    def on_train_epoch_start(self) -> None:
        torch.manual_seed(self.seed * 100_003 + self.current_epoch)

    def training_step(self, batch: Batch, number: int) -> Tensor:
        loss: Tensor = self.loss(self(batch), batch._replace(epoch=self.current_epoch))
        self.losses.append(loss.detach())
        return loss

    def validation_step(self, batch: Batch, number: int) -> None:
        self.outputs.append(self(batch).float().cpu())

    def forward(self, batch: Batch) -> Tensor:
        prediction: Tensor = self.network(*_inputs(self.network, batch.features, self.device))
        return prediction

    def configure_optimizers(self) -> Any:
        config, schedule = self.training_config.optimizer, self.training_config.schedule
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.name]
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = kind(trained, lr=config.lr, weight_decay=config.weight_decay)
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


class _Follow(Callback):
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
        assert isinstance(module, _Fit)
        self.loss = float(torch.stack(module.losses).mean())
        module.losses.clear()
        for logger in trainer.loggers:
            logger.log_metrics({"loss": self.loss}, step=trainer.current_epoch)
        if self.curve and self.curve[-1]["epoch"] == self.before + trainer.current_epoch + 1:
            self.curve[-1]["loss"] = self.loss
        self._tell(trainer)

    def on_validation_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        assert isinstance(module, _Fit)
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


class _Rows(Dataset[Batch]):
    """Samples indexed by whole batches of row numbers; memory-mapped arrays stay on disk."""

    def __init__(self, samples: Samples) -> None:
        self.features = {name: _tensor(values) for name, values in samples.features.items()}
        self.target = None if samples.target is None else _tensor(samples.target)
        self.gallery = None if samples.gallery is None else _tensor(samples.gallery.vectors)

    def features_of(self, rows: Tensor) -> dict[str, Tensor]:
        return {name: values[rows] for name, values in self.features.items()}

    def __getitem__(self, rows: Tensor) -> Batch:
        assert self.target is not None
        target = self.target[rows]
        if self.gallery is None:
            return Batch(self.features_of(rows), target, None)
        return Batch(self.features_of(rows), self.gallery[target], target)


class _InOrder(torch.utils.data.Sampler[Tensor]):
    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return -(-self.rows // PREDICT_ROWS)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(torch.arange(self.rows).split(PREDICT_ROWS))


class _AtomicCheckpoints(TorchCheckpointIO):
    """A checkpoint is whole or not there, also where the temporary folder is on another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with atomic(Path(path)) as temporary:
            torch.save(checkpoint, temporary)


def _last_checkpoint(folder: Path, stage: Training) -> ModelCheckpoint:
    # At the end of validation, so that what _Follow found in that epoch is part of what is saved.
    return ModelCheckpoint(
        folder,
        filename="last",
        save_top_k=1,
        every_n_epochs=stage.checkpoint_every,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def _inputs(network: nn.Module, features: Mapping[str, Tensor], device: Any) -> list[Tensor]:
    where = "cuda" if device == "gpu" else device
    return [features[name].to(where) for name in network.features]  # type: ignore[union-attr]


def _tensor(values: Array) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(values))


def _device(wanted: str) -> str:
    if wanted == "gpu" and not torch.cuda.is_available():
        raise CtkError("device is 'gpu', but torch sees none.", "Set -o device=cpu, or see `ctk doctor`.")
    return "gpu" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def _quieten() -> None:
    """Lightning's hints are for people who call it themselves."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
    warnings.filterwarnings("ignore", message=".*treespec.*")
