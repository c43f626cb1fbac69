"""The LightningModule around a network: its loss, its steps, its optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lightning.pytorch as L
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from ctk.components.own_loss import OwnLoss
from ctk.config.training_keys import Optimizer, Training
from ctk.contract import Batch, Transform
from ctk.errors import CtkError, nearest
from ctk.plugins.guard import ContractViolation, Guard
from ctk.samples import Array
from ctk.training import torchrun
from ctk.training.forward import call_network, output, unscale
from ctk.training.schedules import learning_rate_factor
from ctk.training.sequences import MASK, places
from ctk.training.training_loss import has_own_loss, own_loss
from ctk.training.transformed_rows import first_rows

RANK_SEED = 7_368_787
"""Between the seeds of two ranks: else all would drop the same units of different rows."""


class NetworkModule(L.LightningModule):
    """A network and its loss. Seeds torch anew each step, which is what makes a resumed fit the same fit.

    columns    of the target that alone are trained, (C,) int64, or None for all
    parts      validations an epoch: Lightning takes what lies between two of them for an epoch
    loss_guard  the guard of the plugin that the loss is of
    valid_by   another loss that the validation samples are compared by, with its guard
    transforms  what changes a training batch, in their order, guarded
    watch      is told of the first batch's first rows, as they were and as transforms made them
    """

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        training: Training,
        seed: int,
        columns: Array | None,
        parts: int,
        loss_guard: Guard,
        valid_by: tuple[nn.Module, Guard] | None = None,
        transforms: Sequence[Transform] = (),
        watch: Callable[[Batch, Batch], None] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.training_config = training
        self.seed = seed
        self.columns = None if columns is None else torch.from_numpy(columns)
        self.parts = parts
        self.loss_guard = loss_guard
        self.valid_by = valid_by or (loss, loss_guard)  # a tuple, so that checkpoints do not hold it a second time
        self.transforms = transforms
        self.watch = watch
        self.losses: list[Tensor] = []
        self.valid_losses: list[tuple[int, Tensor]] = []
        self.scale = getattr(network, "scale", None)

    def state_dict(self, *given: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """Return the state of network and loss; the network itself says which of its weights are in it."""
        state = super().state_dict(*given, destination=destination, prefix=prefix, keep_vars=keep_vars)
        left = state.keys() - {f"{prefix}network.{name}" for name in self.network.state_dict(keep_vars=keep_vars)}
        for name in left:
            if name.startswith(f"{prefix}network."):
                del state[name]
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load the states of network and loss, each by its own method: a network may do without frozen weights."""
        begins = "network."
        own = {name.removeprefix(begins): each for name, each in state_dict.items() if name.startswith(begins)}
        self.network.load_state_dict(own, strict, assign)
        rest = {name: each for name, each in state_dict.items() if not name.startswith(begins)}
        loaded = super().load_state_dict(rest, strict=False, assign=assign)
        missing = [name for name in loaded.missing_keys if not name.startswith(begins)]
        if strict and (missing or loaded.unexpected_keys):
            raise RuntimeError(f"missing are {missing}, and unexpected {loaded.unexpected_keys}")
        return loaded

    def on_fit_start(self) -> None:
        self.valid_by[0].to(self.device)
        if self.columns is not None:
            self.columns = self.columns.to(self.device)

    def training_step(self, batch: Batch, number: int) -> Tensor:
        together = self.training_config.batch.accumulate
        seed = self.seed * 1_000_003 + self.global_step * together + number % together
        self._seed(seed if (team := torchrun.current_team()) is None else seed + RANK_SEED * team.position.rank)
        epoch = self.current_epoch // self.parts
        if self.transforms:
            batch = self._transform(batch)
        if has_own_loss(self.network):
            loss = self._own_loss(batch, epoch)
        else:
            loss = self._compare(self._see(batch), batch, epoch, self.loss, self.loss_guard)
        if hasattr(self.network, "auxiliary_loss"):
            loss = loss + batch.share * self._auxiliary_loss(batch._replace(epoch=epoch))
        self.losses.append(loss.detach())
        return loss * self._share_of_step(number) if together > 1 else loss

    def _share_of_step(self, number: int) -> float:
        """What a batch's loss is multiplied with, so that a step of fewer batches, an epoch's last, is their mean too.

        Lightning divides by the number of batches that a step has else.
        """
        together, batches = self.training_config.batch.accumulate, int(self.trainer.num_training_batches)
        return together / min(together, batches - number // together * together)

    def _see(self, batch: Batch) -> Tensor:
        """Call the network on a batch."""
        return call_network(self.network, batch.features, self.device)

    def see_again(self, numbered: tuple[int, Batch]) -> Tensor:
        """Call the network on a training batch after the fit; its number seeds what transforms draw."""
        number, batch = numbered
        self.watch = None
        self._seed(self.seed * 1_000_003 + number)
        batch = self.transfer_batch_to_device(batch, self.device, 0)
        if self.transforms:
            batch = self._transform(batch)
        return self._own_loss(batch, 0) if has_own_loss(self.network) else self._see(batch)

    @torch.no_grad()
    def _transform(self, batch: Batch) -> Batch:
        """Change a batch's rows in the samples' precision, whatever the training's."""
        before = first_rows(batch) if self.global_step == 0 and self.watch else None
        features, target = dict(batch.features), batch.target
        mask = features.pop(MASK, None)
        units = torch.arange(len(target), device=target.device)
        if mask is not None:
            units = places(mask, len(target)) // mask.shape[1]
        with torch.autocast(self.device.type, enabled=False):
            for transform in self.transforms:
                features, target = transform.apply(features, target, units)
        changed = batch._replace(features=features if mask is None else {**features, MASK: mask}, target=target)
        if before is not None and self.watch:
            self.watch(before, first_rows(changed))
            self.watch = None  # of several batches a step the first
        return changed

    def _compare(self, prediction: Tensor, batch: Batch, epoch: int, by: nn.Module, guard: Guard) -> Tensor:
        """Compute a loss, such that the mean over ranks is that of the whole batch."""
        target = batch.target if self.scale is None else self.scale(batch.target)
        if self.columns is not None:
            prediction, target = prediction[:, self.columns], target[:, self.columns]
        batch = batch._replace(target=target, epoch=epoch, columns=self.columns)
        spans = getattr(by, "spans_ranks", False)
        if batch.share == 0:
            if not spans:
                return 0 * prediction.sum()  # a mean over no rows would be NaN
            prediction, batch = prediction[:0], empty_batch(batch)
        loss: Tensor = guard.call("forward", by, prediction, batch)
        return loss if spans or batch.share == 1 else loss * batch.share

    def _own_loss(self, batch: Batch, epoch: int) -> Tensor:
        """Ask the network for the loss of a batch, such that the mean over ranks is that of the whole batch."""
        spans = getattr(self.network, "spans_ranks", False)
        if batch.share == 0 and spans:
            batch = empty_batch(batch)
        loss = own_loss(self.network, batch._replace(epoch=epoch))
        return loss if spans or batch.share == 1 else loss * batch.share

    def _auxiliary_loss(self, batch: Batch) -> Tensor:
        """Ask the network what to add to the loss. Raises ContractViolation for anything but one number."""
        value: Any = self.network.auxiliary_loss(batch)  # type: ignore[operator]
        if not isinstance(value, Tensor) or value.ndim:
            found = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise ContractViolation(f"gave as its auxiliary loss a {found}, and a tensor of one number is needed")
        return value

    def _seed(self, seed: int) -> None:
        """Seed torch without the stack trace that torch.manual_seed keeps without a GPU, a millisecond a step."""
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def validation_step(self, rows: dict[str, Tensor] | Batch, number: int) -> Tensor:
        """Predict in the samples' units; given targets too, note the loss as in the last epoch, when warm."""
        if not isinstance(rows, Batch):
            return output(self.network, rows, self.device)
        prediction = call_network(self.network, rows.features, self.device)
        epoch, by = self.training_config.epochs - 1, self.valid_by
        own = isinstance(by[0], OwnLoss)
        loss = self._own_loss(rows, epoch) if own else self._compare(prediction, rows, epoch, *by)
        self.valid_losses.append((len(rows.target), loss))
        return unscale(self.network, prediction)

    def configure_optimizers(self) -> Any:
        config, schedule = self.training_config.optimizer, self.training_config.schedule
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.name]
        groups = self._parameter_groups(config)
        optimizer = kind(groups, lr=config.lr, betas=config.betas)
        epochs, swa = self.training_config.epochs, self.training_config.swa
        late = (swa.first_of(epochs), swa.lr / config.lr) if swa and swa.lr else None
        if schedule.name == "plateau" or (schedule.name == "constant" and not schedule.warmup and late is None):
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        rates = [learning_rate_factor(schedule, group["lr"], steps, epochs, late) for group in groups]
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": LambdaLR(optimizer, rates), "interval": "step"}}

    def _parameter_groups(self, config: Optimizer) -> list[dict[str, Any]]:
        """Group what is trained by learning rate and decay. Raises CtkError for a part that the network has not."""
        groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
        unused = set(config.lr_by_part)
        for name, parameter in self.named_parameters():
            begins = [part for part in config.lr_by_part if f"{name}.".startswith(f"network.{part}.")]
            unused -= set(begins)
            lr = config.lr_by_part[max(begins, key=len)] if begins else config.lr
            if parameter.requires_grad:
                groups.setdefault((parameter.ndim == 0, lr), []).append(parameter)
        if unused:
            known = [name for name, _ in self.network.named_children()]
            raise CtkError(
                f"Config key 'optimizer.lr_by_part': the network has no part '{min(unused)}'.",
                nearest(min(unused), known, "parts"),
            )
        # A temperature has nowhere to decay to; scalars come last, as they always did in checkpoints.
        return [
            {"params": some, "lr": lr, "weight_decay": 0.0 if scalars else config.weight_decay}
            for (scalars, lr), some in sorted(groups.items(), key=lambda item: item[0][0])
        ]


def empty_batch(batch: Batch) -> Batch:
    """Return a copy of a batch with none of its rows."""
    features = {name: values[:0] for name, values in batch.features.items()}
    ids = None if batch.target_ids is None else batch.target_ids[:0]
    return batch._replace(features=features, target=batch.target[:0], target_ids=ids)
