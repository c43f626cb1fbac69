"""One fit of one network by Lightning: a stage of a member, or one copy's part of a stage."""

from __future__ import annotations

import logging
import math
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import lightning.pytorch as L
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.rank_zero import rank_zero_module  # type: ignore[attr-defined]
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy
from torch import nn
from torch.utils.data import DataLoader

from ctk.config.training_keys import Training
from ctk.contract import Batch, FitContext
from ctk.errors import CtkError, DamagedError
from ctk.plugins.guard import is_interruption
from ctk.plugins.guard.failures import describe_error
from ctk.samples import Array, Samples
from ctk.training import torchrun
from ctk.training.averages import MovingAverage, StochasticAverage, mean_of, renew_norms, trained_norms
from ctk.training.batches import Batches
from ctk.training.callbacks import AtomicCheckpoints, KeepSignalHandlers, PlateauSchedule, last_checkpoint
from ctk.training.curriculum import LinearPacing
from ctk.training.datasets import (
    DRY_PREDICT_ROWS,
    DRY_ROWS,
    PREDICT_ROWS,
    FeaturesDataset,
    SamplesDataset,
    SequentialSlices,
    rows_at_once,
)
from ctk.training.devices import autocast, precision_on
from ctk.training.forward import State, copy_state, features_trained, predict_blocks, reads_sequences
from ctk.training.lightning_module import NetworkModule
from ctk.training.loggers import make_loggers
from ctk.training.network_parts import make_component
from ctk.training.rank_batches import RankBatches
from ctk.training.sequences import Sequences, order_of
from ctk.training.torch_files import HELP, load_tensors, save_tensors
from ctk.training.trainable import only_trainable
from ctk.training.transformed_rows import save_rows
from ctk.training.validation_tracker import ValidationTracker

CHECKPOINT = {"callbacks", "loops", "lr_schedulers", "optimizer_states", "state_dict"}
"""What Lightning reads of a checkpoint."""


class StageResult(NamedTuple):
    """The result of a fit: best weights (None where none beat those it began with), curve, weights of lowest loss."""

    best: State | None
    curve: list[dict[str, float]]
    best_by_loss: State | None = None


@dataclass(frozen=True)
class Stage:
    """One fit of a network, done or not.

    training  its config
    number    of all fits of the member, from 0; part of what its steps are seeded with
    folder    of its checkpoint while it goes on, and of its result
    before    epochs of the fits before it
    total     epochs of all
    columns   of the target that alone are trained, (C,) int64, or None for all
    options   of the network
    """

    training: Training
    number: int
    folder: Path
    before: int
    total: int
    columns: Array | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def result(self) -> Path:
        """The result's file, there once the fit is done."""
        return self.folder / "done.pt"

    @property
    def last(self) -> Path:
        """The checkpoint's file, there until the fit is done."""
        return self.folder / "last.ckpt"

    def fitted(self) -> StageResult:
        """Read the result of a fit that is done. Raises DamagedError."""
        result = load_tensors(self.result)
        if not isinstance(result, dict) or result.keys() != {*StageResult._fields}:
            raise DamagedError(f"{self.result}: is no result of a fit.", HELP)
        return StageResult(**result)

    def is_done(self, tell: Callable[[str], None]) -> bool:
        """Whether the fit was done before, with a result that can be read; else ``tell`` that it is fitted anew."""
        return self.result.exists() and _is_readable(self.fitted, tell)

    def goes_on(self, module: NetworkModule, tell: Callable[[str], None]) -> bool:
        """Whether there is a checkpoint to go on from; of a damaged one ``tell`` that the fit begins anew."""

        def check() -> None:
            saved = load_tensors(self.last)
            if not isinstance(saved, dict) or not saved.keys() >= CHECKPOINT:
                raise DamagedError(f"{self.last}: is no checkpoint of a fit.")
            shapes = {name: each.shape for name, each in module.state_dict().items()}
            if {name: getattr(each, "shape", None) for name, each in dict(saved["state_dict"]).items()} != shapes:
                raise DamagedError(f"{self.last}: is a checkpoint of another network.")

        return self.last.exists() and _is_readable(check, tell)

    def fit(
        self,
        network: nn.Module,
        train: Samples,
        valid: Samples,
        context: FitContext,
        device: torch.device,
        whole: Array | None = None,
    ) -> None:
        """Train ``network`` in place, or go on where a killed call stopped.

        ``whole`` is the prediction (N, D) for ``valid`` that ``columns`` are to become part of. They are written to.
        Raises CtkError where training all columns came to no finite score.
        """
        config, team = self.training, torchrun.current_team()
        batches = self._batches(train, context)
        module = self._module(network, train, context, batches.parts)
        # The loss of the validation samples may compare them with each other, so that then each rank has them all.
        wants_loss = config.valid_loss is not False and self.columns is None
        share = (0, 1) if wants_loss else torchrun.rank_and_ranks(team)
        names: Any = network.features
        at_once = min(DRY_PREDICT_ROWS if context.steps else PREDICT_ROWS, rows_at_once(valid, names))
        in_order = Sequences.of(valid, config.batch) if reads_sequences(network) else None
        slices = SequentialSlices(len(valid), *share, at_once, in_order)
        tracker = ValidationTracker(valid, context, config, self.before, self.total, whole, slices)
        late = None if config.swa is None else StochasticAverage(config.swa.first_of(config.epochs))
        trainer = self._trainer(tracker, late, batches.parts, device, self._loggers(network, context))
        goes_on = torchrun.is_first_rank() and self.goes_on(module, context.tell)
        if team is not None:
            goes_on = team.from_first(goes_on)
        own_batches = batches if team is None else RankBatches(batches, *torchrun.rank_and_ranks(team))
        validated = SamplesDataset if wants_loss else FeaturesDataset
        of_train = Sequences.of(train, config.batch) if in_order else None
        training = SamplesDataset(train, features_trained(network), of_train)
        with (
            only_trainable(network, config.trainable),
            _raise_interruptions(),
            _named_as_checkpoint(self.last, tracker) if goes_on else nullcontext(),
        ):
            norms = trained_norms(network)
            trainer.fit(
                module,
                _loader(training, own_batches, device),
                _loader(validated(valid, names, in_order), slices, device),
                ckpt_path=self.last if goes_on else None,
                weights_only=True,
            )
        if whole is None and math.isnan(tracker.best.score):
            raise CtkError(
                f"Training ended without a finite {context.metric.name} (loss {tracker.loss}).",
                "Lower the learning rate, set clip, or look at the loss curve.",
            )
        states = [state for _, state in tracker.snapshots.best] or ([late.mean] if late and late.mean else [])
        if states and torchrun.is_first_rank():
            module.to(device)
            network.load_state_dict(mean_of(states))
            with autocast(device, config.precision):  # as epochs are validated
                if norms:
                    renew_norms(network, norms, module.see_again, self._last_epoch(batches, training, context.steps))
                blocks = predict_blocks(network, valid, device, at_once, in_order)
                tracker.offer_average(copy_state(network), late.count if late else len(states), blocks, self.columns)
        self._save(tracker)

    def _last_epoch(self, batches: Batches, training: SamplesDataset, steps: int | None) -> Iterator[tuple[int, Batch]]:
        """Number the batches of the last epoch, of which a dry run has some steps."""
        last = (self.training.epochs - 1) * batches.parts
        for part in range(batches.parts):
            batches.set_epoch(last + part)
            for number, rows in enumerate(islice(batches, steps), start=part * len(batches)):
                yield number, training[rows]

    def _batches(self, train: Samples, context: FitContext) -> Batches:
        """Choose the rows of each step's batch."""
        batch = self.training.batch
        groups = train.group(batch.by) if batch.by else None
        parts = 1 if context.steps else self.training.parts
        size = min(batch.size, DRY_ROWS) if context.steps else batch.size
        order = order_of(train, batch) if batch.in_sequences else None
        curriculum, epochs = self.training.curriculum, self.training.epochs
        pacing = None if curriculum is None else LinearPacing.of(train, curriculum, epochs)
        within = train.group(batch.within) if batch.within else None
        return Batches(len(train), size, context.seed, groups, parts, order, pacing, within)

    def _module(self, network: nn.Module, train: Samples, context: FitContext, parts: int) -> NetworkModule:
        """Join network and loss, seeded for this fit."""
        by = self.training.valid_loss
        loss, guard = make_component("losses", self.training.loss, train)
        made = [make_component("transforms", choice, train) for choice in self.training.transforms]
        save = partial(save_rows, targets=train.targets, text=train.predicts_text, folder=self.folder)
        return NetworkModule(
            network,
            loss,
            self.training,
            seed=context.seed + 1_000_003 * self.number,
            columns=self.columns,
            parts=parts,
            loss_guard=guard,
            valid_by=None if isinstance(by, bool) else make_component("losses", by, train),
            transforms=[guard.wrap(transform) for transform, guard in made],
            watch=save if torchrun.is_first_rank() else None,
        )

    def _loggers(self, network: nn.Module, context: FitContext) -> list[Logger]:
        """Make the trackers' loggers, on the first rank alone, and tell them what is fitted."""
        trackers = context.trackers if torchrun.is_first_rank() else ()
        loggers = make_loggers(trackers, self.folder, f"stage-{self.number + 1}", context.tell)
        for logger in loggers:
            logger.log_hyperparams(self._hyperparameters(network, context))
        return loggers

    def _trainer(
        self,
        tracker: ValidationTracker,
        late: StochasticAverage | None,
        parts: int,
        device: torch.device,
        loggers: list[Logger],
    ) -> L.Trainer:
        """Make Lightning's trainer; in a dry run of a few steps."""
        config, team, steps = self.training, torchrun.current_team(), tracker.context.steps
        _quieten()
        return L.Trainer(
            max_epochs=1 if steps else config.epochs * parts,
            limit_train_batches=steps or 1.0,
            accelerator="gpu" if device.type == "cuda" else "cpu",
            **_devices(team, device),
            precision=precision_on(device, config.precision),
            gradient_clip_val=config.clip,
            accumulate_grad_batches=config.batch.accumulate,
            callbacks=_callbacks(self, tracker, late, parts),
            logger=loggers,
            plugins=[AtomicCheckpoints(), *_environments(team)],
            check_val_every_n_epoch=1 if steps else min(max(1, round(config.validate_every)), config.epochs),
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            deterministic="warn",
            default_root_dir=self.folder,
        )

    def _save(self, tracker: ValidationTracker) -> None:
        """Write the result, by the first rank; no other goes on before it can be read."""
        if torchrun.is_first_rank():
            best = tracker.best
            save_tensors(StageResult(best.weights, tracker.curve, best.weights_by_loss)._asdict(), self.result)
            self.last.unlink(missing_ok=True)
        if team := torchrun.current_team():
            team.from_first(None)

    def _hyperparameters(self, network: nn.Module, context: FitContext) -> dict[str, Any]:
        """Describe the fit for trackers, so that fits can be compared, in plain values."""
        training = self.training.model_dump(mode="json", exclude={"stages"}, exclude_none=True)
        return {"model": {"name": type(network).__name__, **self.options}, "seed": context.seed, **training}


def _is_readable(read: Callable[[], object], tell: Callable[[str], None]) -> bool:
    try:
        read()
    except DamagedError as error:
        tell(f"{error.problem} The stage begins anew.")
        return False
    return True


def _devices(team: torchrun.Team | None, device: torch.device) -> dict[str, Any]:
    """Tell Lightning which processes train together."""
    if team is None:
        return {"devices": 1}
    return {
        "devices": team.position.local_size,
        "num_nodes": team.position.size // team.position.local_size,
        # A network may have parameters that a stage, or a rank without rows, does not use.
        "strategy": DDPStrategy(find_unused_parameters=True),
        "sync_batchnorm": device.type == "cuda",  # torch has it for GPUs alone
    }


def _environments(team: torchrun.Team | None) -> list[LightningEnvironment]:
    """Keep Lightning from expecting torchrun's other processes where the first trains something by itself."""
    return [LightningEnvironment()] if team is None and torchrun.own_rank() else []


def _loader(
    data: SamplesDataset | FeaturesDataset, batches: Batches | RankBatches | SequentialSlices, device: torch.device
) -> DataLoader[Any]:
    """Load whole batches as they are; pinned for a GPU, which then computes while the next one is fetched."""
    return DataLoader(data, sampler=batches, batch_size=None, collate_fn=_identity, pin_memory=device.type == "cuda")


def _identity(batch: Any) -> Any:
    return batch


def _callbacks(stage: Stage, tracker: ValidationTracker, late: StochasticAverage | None, parts: int) -> list[Callback]:
    config = stage.training
    callbacks: list[Callback] = [tracker, last_checkpoint(stage.folder, config, parts)]
    if torchrun.current_team() is not None:
        callbacks.append(KeepSignalHandlers())
    if config.schedule.name == "plateau":
        callbacks.append(PlateauSchedule(config.schedule, tracker))
    if config.ema is not None:
        callbacks.append(MovingAverage(config.ema))
    if late is not None:
        callbacks.append(late)
    return callbacks


@contextmanager
def _named_as_checkpoint(path: Path, tracker: ValidationTracker) -> Iterator[None]:
    """Name the checkpoint where Lightning cannot go on from it: no plugin's code has been called yet."""
    try:
        yield
    except Exception as error:
        if tracker.begun or isinstance(error, CtkError):
            raise
        problem = f"{path}: cannot be gone on from ({describe_error(error)})."
        raise DamagedError(problem, "Remove it, and the stage is fitted from its beginning.") from error


@contextmanager
def _raise_interruptions() -> Iterator[None]:
    """Raise KeyboardInterrupt where Lightning ends the process: the run says what happened and how to go on."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if is_interruption(error):
            raise KeyboardInterrupt from None
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _quieten() -> None:
    """Lightning's hints are for people who call it themselves.

    Its distributions share the logger that tells them: whichever a tracker's library imported last decides which it is.
    """
    for logger in (logging.getLogger("lightning.pytorch"), logging.getLogger("lightning.fabric"), rank_zero_module.log):
        logger.setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
    warnings.filterwarnings("ignore", message=".*treespec.*")
