"""Networks as models: one training loop for all of them, built on Lightning."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging
from torch import nn
from torch.utils.data import DataLoader

from ctk.components.batches import Batches
from ctk.components.devices import torch_device
from ctk.components.loop import AtomicCheckpoints, Fit, Follow, inputs, last_checkpoint
from ctk.components.rows import InOrder, Rows
from ctk.components.training import Training
from ctk.contract import FitContext, Model
from ctk.errors import CtkError
from ctk.files import atomic
from ctk.plugins import plugins
from ctk.samples import Array, Samples


def as_model(thing: Any) -> type[Model]:
    """A registered model as a ``Model`` class; a torch module gets the Lightning loop around it."""
    if isinstance(thing, type) and issubclass(thing, Model):
        return thing
    if isinstance(thing, type) and issubclass(thing, nn.Module):
        for needed in ("for_samples", "features"):
            if not hasattr(thing, needed):
                raise CtkError(f"The network {thing.__name__} has no '{needed}'.", "See ctk_register_models.")
        return type(thing.__name__, (NetworkModel,), {"network_class": thing, "__doc__": thing.__doc__})
    raise CtkError(f"{thing!r} is registered as a model, but is neither a ctk Model nor a torch module.")


class NetworkModel(Model):
    """A torch module with a loss, trained stage by stage; the best epoch by the metric is kept.

    The module's class method ``for_samples(samples, **options)`` makes it, its ``features`` attribute names what its
    ``forward`` reads. Each step seeds torch from (seed, stage, step), so that a fit resumed from a checkpoint is, on
    the same hardware and threads, the fit that was never interrupted.
    """

    schema = Training
    training: Training
    network_class: type[nn.Module]
    network: nn.Module

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.device = torch.device("cpu")
        self.curve: list[dict[str, float]] = []

    def fit(self, train: Samples, valid: Samples, context: FitContext) -> None:
        """Train every stage that is not done yet; each starts from the best weights of the one before."""
        _quieten()
        self.device = torch_device(context.device)
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
        data = Rows(samples)
        with torch.inference_mode():
            parts = [
                self.network(*inputs(self.network, data.features_of(rows), self.device)).float().cpu()
                for rows in InOrder(len(samples))
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
        make: Any = self.network_class
        network: nn.Module = make.for_samples(samples, **self.options)
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
        module = Fit(self.network, loss, stage, seed=context.seed + 1_000_003 * number)
        follow = Follow(valid, context, stage, before, total)
        last = folder / "last.ckpt"
        callbacks: list[Callback] = [follow, last_checkpoint(folder, stage)]
        if stage.ema is not None:
            callbacks.append(EMAWeightAveraging(decay=stage.ema))
        batches = Batches(
            len(train), stage.batch.size, context.seed, train.group(stage.batch.by) if stage.batch.by else None
        )
        trainer = L.Trainer(
            max_epochs=1 if context.steps else stage.epochs,
            limit_train_batches=context.steps or 1.0,
            accelerator="gpu" if self.device.type == "cuda" else "cpu",
            devices=1,
            precision=stage.precision,
            gradient_clip_val=stage.clip,
            callbacks=callbacks,
            logger=[plugins().load("trackers", name)(folder, f"stage-{number + 1}") for name in context.trackers],
            plugins=[AtomicCheckpoints()],
            check_val_every_n_epoch=1 if context.steps else min(stage.validate_every, stage.epochs),
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            deterministic="warn",
            default_root_dir=folder,
        )
        with _interruptible():
            trainer.fit(
                module,
                DataLoader(Rows(train), sampler=batches, batch_size=None),
                DataLoader(Rows(valid), sampler=InOrder(len(valid)), batch_size=None),
                ckpt_path=last if last.exists() else None,
                weights_only=True,
            )
        if follow.best is None:
            raise CtkError(
                f"Training ended without a finite {context.metric.name} (loss {follow.loss}).",
                "Lower the learning rate, set clip, or look at the loss curve.",
            )
        with atomic(folder / "done.pt") as temporary:
            torch.save({"best": follow.best, "curve": follow.curve}, temporary)
        last.unlink(missing_ok=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Lightning answers Ctrl-C and SIGTERM by ending the process; here the run says what happened and how to go on."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _quieten() -> None:
    """Lightning's hints are for people who call it themselves."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
    warnings.filterwarnings("ignore", message=".*treespec.*")
