"""Networks as models: one training loop for all of them, built on Lightning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ctk.config.training_keys import Training
from ctk.contract import FitContext, Model, View
from ctk.errors import CtkError, DamagedError, UsageError
from ctk.plugins import plugins
from ctk.samples import Array, Samples
from ctk.training import torchrun
from ctk.training.curriculum import hardness_of
from ctk.training.datasets import DRY_PREDICT_ROWS, PREDICT_ROWS
from ctk.training.devices import autocast, torch_device
from ctk.training.forward import State, predict_blocks, predicts_text, put_columns, put_rows, reads_sequences
from ctk.training.memory_need import fit_bytes
from ctk.training.network_parts import make_views
from ctk.training.sequences import MASK, Sequences
from ctk.training.torch_files import HELP, load_tensors, save_tensors
from ctk.training.trainable import trained_names
from ctk.training.training_loss import check_loss_of

if TYPE_CHECKING:
    from ctk.training.stage import Stage


def as_model(thing: Any) -> type[Model]:
    """Make a ``Model`` class of a registered model; a torch module gets the Lightning loop around it."""
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

    After a stage with copies, ``copies`` holds for each copy that brought a gain the numbers of its columns (C,) and
    its weights; ``network`` predicts the other columns. A copy is scored by the whole prediction with the columns of
    the copies before it, and the weights it began with compete with its epochs: with no metric does the stage lose on
    the validation samples. A group of which members decide no column, by the metric, has no copy. The curve and the
    progress count the copies' epochs one copy after another.
    """

    schema = Training
    spans_ranks = True
    training: Training
    network_class: type[nn.Module]
    network: nn.Module

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.device = torch.device("cpu")
        self.curve: list[dict[str, float]] = []
        self.copies: list[tuple[Array, State]] = []
        self.best_by_loss: State | None = None
        self.views: list[View] = []
        self.at_once = PREDICT_ROWS

    def fit(self, train: Samples, valid: Samples, context: FitContext) -> None:
        """Train every stage that is not done yet; each starts from the best weights of the one before."""
        self.device = torch_device(context.device)
        self.at_once = DRY_PREDICT_ROWS if context.steps else PREDICT_ROWS
        torch.manual_seed(context.seed)
        self.network = self._new(train)
        self._check_phases(self.network, train)
        views = make_views(self.training, self.network, train)
        if hasattr(self.network, "load_pretrained"):
            self.network.load_pretrained()  # type: ignore[operator]
        whole: Array | None = None
        for stage in self._stages(train, context):
            done_before = torchrun.is_first_rank() and stage.is_done(context.tell)
            if team := torchrun.current_team():
                done_before = team.from_first(done_before)
            if stage.columns is None:
                if not done_before:
                    stage.fit(self.network, train, valid, context, self.device)
                done = stage.fitted()
                assert done.best is not None
                self.network.load_state_dict(done.best)
                self.best_by_loss = done.best_by_loss
            else:
                if not done_before:
                    with autocast(self.device, stage.training.precision):  # as the copy's epochs are validated
                        whole = self.predict(valid) if whole is None else whole
                    kept = whole[:, stage.columns]
                    stage.fit(deepcopy(self.network), train, valid, context, self.device, whole)
                    whole[:, stage.columns] = kept
                done = stage.fitted()
                if done.best is not None:
                    self.copies.append((stage.columns, done.best))
                    if whole is not None:
                        with autocast(self.device, stage.training.precision):
                            self._predict_copy(valid, stage.columns, done.best, whole)
            self.curve += done.curve
        self.views = views  # from here on: the copies above are of plain predictions, as their epochs are validated

    def predict(self, samples: Samples) -> Array:
        """Predict (N, D) float32, in eval mode and float32 whatever the training's precision: the mean over views.

        Text (N,) is generated in the training's precision, as it is where epochs are validated.
        """
        whole: Array | None = None
        text = predicts_text(self.network)
        with autocast(self.device, self.training.phases()[-1].precision) if text else nullcontext():
            for rows, part in self._blocks(self.network, samples):
                whole = put_rows(whole, len(samples), rows, part)
        assert whole is not None
        for columns, weights in self.copies:
            self._predict_copy(samples, columns, weights, whole)
        return whole

    @property
    def reads_nan(self) -> bool:  # type: ignore[override]
        """Whether the network's class says so."""
        return bool(getattr(self.network_class, "reads_nan", False))

    @property
    def predicts_text(self) -> bool:  # type: ignore[override]
        """Whether the network is trained by a loss of its own: all others compare numbers."""
        return hasattr(self.network_class, "training_loss")

    def features_read(self, samples: Samples) -> list[str]:
        """What the network's ``forward`` is given."""
        names: Any = self._new(samples).features
        return [name for name in names if name != MASK]

    def save(self, folder: Path) -> None:
        """Write ``weights.pt``, state dicts of the network and of copies; the stages' checkpoints are not needed.

        ``best-loss.pt`` are the weights with the lowest ``valid_loss`` instead, where a member asks for it.
        """
        copies = [{"columns": torch.from_numpy(columns), "weights": weights} for columns, weights in self.copies]
        text = {"text": True} if predicts_text(self.network) else {}
        save_tensors({"network": self.network.state_dict(), "copies": copies, **text}, folder / "weights.pt")
        if self.best_by_loss is not None:
            save_tensors({"network": self.best_by_loss, "copies": [], **text}, folder / "best-loss.pt")

    def load(self, folder: Path, samples: Samples, device: str = "auto") -> None:
        """Read ``weights.pt`` into a network made for ``samples`` (which need a target)."""
        self.device = torch_device(device)
        self.network = self._new(samples)
        training = getattr(self, "training", None)  # a network alone has been saved without
        self.views = [] if training is None else make_views(training, self.network, samples)
        saved = load_tensors(folder / "weights.pt")
        try:
            self.network.load_state_dict(saved["network"])
            if saved.get("text"):  # where the samples are of a test alone, no target says so
                self.network.predicts_text = True  # type: ignore[assignment]
            self.copies = [(copy["columns"].numpy(), dict(copy["weights"])) for copy in saved["copies"]]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DamagedError(f"{folder / 'weights.pt'}: holds no weights of a network.", HELP) from error
        except RuntimeError as error:
            raise CtkError(
                f"{folder / 'weights.pt'}: these weights are of another network than the config describes.",
                "Leave the model's options as they are in the saved run.",
            ) from error

    def memory(self, samples: Samples, device: str = "auto") -> int | None:
        """Tell by a forward pass of a few rows what a fit with full batches takes. Raises UsageError, as ``fit``."""
        on = torch_device(device)
        with torch.random.fork_rng(devices=[]):
            network = self._new(samples)
            self._check_phases(network, samples)
            make_views(self.training, network, samples)
            return fit_bytes(network, samples, self.training, on)

    @property
    def size(self) -> int:
        """Parameters of the network."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def _new(self, samples: Samples) -> nn.Module:
        make: Any = self.network_class
        network: nn.Module = make.for_samples(samples, **self.options)
        training = getattr(self, "training", None)
        if training is not None and not hasattr(network, "unscale"):
            last = plugins().load("losses", training.phases()[-1].loss.name)
            if link := getattr(last, "link", None):
                network.unscale = link
        network.predicts_text = samples.predicts_text  # type: ignore[assignment]
        return network

    def _predict_copy(self, samples: Samples, columns: Array, weights: State, whole: Array) -> None:
        """Write a copy's columns into a prediction of all."""
        copy = deepcopy(self.network)
        copy.load_state_dict(weights)
        for rows, part in self._blocks(copy, samples):
            put_columns(whole, rows, part, columns)

    def _blocks(self, network: nn.Module, samples: Samples) -> Iterator[tuple[slice | Array, Array]]:
        """Predict some rows at a time, sequences whole."""
        sequences = Sequences.of(samples, self.training.phases()[-1].batch) if reads_sequences(network) else None
        return predict_blocks(network, samples, self.device, self.at_once, sequences, self.views)

    def _check_phases(self, network: nn.Module, samples: Samples) -> None:
        """Raise UsageError for keys that the network or samples cannot follow, before anything is trained."""
        for phase in self.training.phases():
            check_loss_of(network, phase, samples)
            if phase.trainable is not None:
                trained_names(network, phase.trainable)
            if phase.curriculum is not None:
                hardness_of(samples, phase.curriculum)
            batch, name = phase.batch, type(network).__name__
            if reads_sequences(network) and not batch.in_sequences:
                raise UsageError(
                    f"Config key 'batch': the network {name} reads sequences, and batches are of single rows.",
                    "Say of which group: batch: {by: GROUP, as: sequences}.",
                )
            if batch.in_sequences and not reads_sequences(network):
                raise UsageError(
                    f"Config key 'batch.as' is sequences, and the network {name} reads single rows.",
                    f"One that reads sequences has '{MASK}' among its features; or leave the key out.",
                )

    def _stages(self, samples: Samples, context: FitContext) -> Iterator[Stage]:
        """Every fit of the member in its order: a stage with copies is a fit for each group of target columns."""
        from ctk.training.stage import Stage  # late: it brings Lightning, and a network that predicts needs none

        decided = None if context.metric.columns is None else context.metric.columns(samples)
        fits: list[tuple[Training, Path, Array | None]] = []
        for number, training in enumerate(self.training.phases(), start=1):
            folder = context.folder / f"stage-{number}"
            if training.copies is None:
                fits.append((training, folder, None))
                continue
            if samples.targets is None:
                raise CtkError(
                    "A stage asks for copies by target group, and these samples have one group.",
                    "Leave that stage out.",
                )
            for copy, columns in enumerate(samples.targets.by_group().values(), start=1):
                if decided is None or decided[columns].any():
                    fits.append((training, folder / f"copy-{copy}", columns))
        total = sum(training.epochs for training, _, _ in fits)
        before = 0
        for number, (training, place, alone) in enumerate(fits):
            yield Stage(training, number, place, before, total, alone, self.options)
            before += training.epochs
