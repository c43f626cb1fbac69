"""The config keys of a member that is a network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, create_model, model_validator

from ctk.contract import Choice, Strict
from ctk.contract.schema import merge_configs, validate_config
from ctk.errors import UsageError
from ctk.plugins import Plugins
from ctk.plugins.component_options import resolve_choice

Beta = Annotated[float, Field(ge=0, lt=1)]
Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]


def schema_of(model: Any) -> type[Strict]:
    """Find the training keys of a registered model: its own schema, or for a torch module those of a network."""
    schema: type[Strict] = getattr(model, "schema", Training)
    return schema


class Optimizer(Strict):
    """Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019)."""

    name: Literal["adam", "adamw"] = Field("adam", description="which of the two")
    lr: float = Field(3e-4, gt=0, description="learning rate")
    lr_by_part: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="learning rates of parts of the network, by the beginning of their parameters' names"
    )
    betas: tuple[Beta, Beta] = Field((0.9, 0.999), description="decays of the averages of gradient and square")
    weight_decay: float = Field(0.0, ge=0, description="of adamw apart from the gradient, of adam as part of it")


class Schedule(Strict):
    """Learning rate over a stage, after a linear warm-up.

    constant         as it is
    cosine           half a cosine down to ``floor``
    cosine-restarts  half cosines down to ``floor``, each ``growth`` times as long as the one before (SGDR, Loshchilov
                     and Hutter 2017)
    plateau          times ``factor``, not below ``floor``, when ``patience`` validations and one more brought no gain
    """

    name: Literal["constant", "cosine", "cosine-restarts", "plateau"] = Field(
        "constant", description="which of the four"
    )
    warmup: float = Field(0.0, ge=0, description="epochs over which the rate rises from near zero")
    floor: float = Field(0.0, ge=0, description="lowest learning rate")
    cycle: float = Field(1.0, gt=0, description="epochs of the first half cosine")
    growth: float = Field(1.0, ge=1, description="how much longer each half cosine is than the one before")
    factor: float = Field(0.1, gt=0, lt=1, description="what a plateau multiplies the rate by")
    patience: int = Field(2, ge=0, description="validations without gain that a plateau waits out")

    @model_validator(mode="after")
    def _no_key_of_another(self) -> Self:
        uses = {
            "constant": {"warmup"},
            "cosine": {"warmup", "floor"},
            "cosine-restarts": {"warmup", "floor", "cycle", "growth"},
            "plateau": {"floor", "factor", "patience"},
        }[self.name]
        for key, field in type(self).model_fields.items():
            if key not in {"name", *uses} and getattr(self, key) != field.default:
                raise ValueError(f"a {self.name} schedule has no '{key}'")
        return self


if TYPE_CHECKING:
    _Layout = Strict
else:  # `as` can be a key, but no name in a class's body
    _as = Field("rows", description="rows by themselves, or sequences: the rows of each group together, in order")
    _Layout = create_model("_Layout", __base__=Strict, **{"as": (Literal["rows", "sequences"], _as)})


class BatchSize(_Layout):
    """Rows a batch, the group whose rows stay together in one, and how a network is given them.

    As sequences it is given (S, L, ...) and a mask, padded to the longest of the batch's groups.
    """

    size: int = Field(1024, gt=0, description="rows; with a group about so many")
    by: str | None = Field(None, description="group whose rows are all in one batch; none mixes single rows")
    within: str | None = Field(
        None, description="group of which all rows of a batch have the same number; none mixes all rows"
    )
    accumulate: int = Field(1, gt=0, description="batches a step: their mean gradient is taken")
    order: str | None = Field(
        None, description="of sequences: group that a sequence's rows are sorted by; none: time, where there is such"
    )

    @property
    def in_sequences(self) -> bool:
        """Whether a network is given sequences."""
        return bool(getattr(self, "as") == "sequences")

    @model_validator(mode="after")
    def _sequences_of_a_group(self) -> Self:
        if self.in_sequences and self.by is None:
            raise ValueError("sequences are of a group; say which: by: GROUP")
        if self.order is not None and not self.in_sequences:
            raise ValueError("order is for as: sequences alone")
        if self.within is not None and self.by is not None:
            raise ValueError("by and within do not go together: rows of a batch are whole groups, or of one")
        return self


class Curriculum(Strict):
    """Easy samples first (Bengio et al. 2009): an epoch has as many steps as ever, all of a share of the samples.

    That share, the easiest of them, grows in a line from epoch to epoch until it is all. Where batches are of whole
    groups, a group is as hard as its rows are in the mean.
    """

    by: str = Field(description="what says how hard a sample is: target, or a group or a feature of one number")
    column: str | None = Field(None, description="of the target, the one that says it; none: the mean of all")
    easiest: Literal["low", "high"] = Field("low", description="which numbers come first; unknown ones (NaN) come last")
    start: float = Field(0.25, gt=0, lt=1, description="share of the samples that the first epoch is of")
    until: float = Field(
        0.5, gt=0, le=1, description="share of the epochs after which all samples are seen; in the last they are always"
    )

    @model_validator(mode="after")
    def _column_of_the_target(self) -> Self:
        if self.column is not None and self.by != "target":
            raise ValueError("column is for by: target alone")
        return self


if TYPE_CHECKING:
    _Late = Strict
else:  # `from` can be a key too
    _from = Field(0.75, gt=0, description="first epoch, counted from 1, whose weights count; below 1 a share of epochs")
    _Late = create_model("_Late", __base__=Strict, **{"from": (float, _from)})


class WeightAveraging(_Late):
    """Stochastic weight averaging (Izmailov et al. 2018): the mean of the weights at the end of each late epoch."""

    lr: float | None = Field(
        None,
        gt=0,
        description="learning rate from that epoch on, of parts in proportion; none: as the schedule has it",
    )

    def first_of(self, epochs: int) -> int:
        """Count from 0 the first epoch whose weights are taken."""
        start: float = getattr(self, "from")
        return math.floor(start * epochs) if start < 1 else int(start) - 1


class Training(Strict):
    """One network's training. ``stages`` are phases one after another, each overriding some of the other keys.

    A last stage with ``copies: target-groups`` trains one copy of the network for each group of target columns, from
    the best weights of the stage before, with the loss of that group's columns alone; each predicts its own columns.
    """

    loss: Choice = Field(Choice(name="info-nce"), description="what is made small")
    optimizer: Optimizer = Field(Optimizer(), description="how steps are taken")
    schedule: Schedule = Field(Schedule(), description="learning rate over the epochs")
    epochs: int = Field(100, gt=0, description="times that all training samples are seen")
    batch: BatchSize = Field(BatchSize(), description="samples of a step")
    curriculum: Curriculum | None = Field(None, description="from easy samples to all; none: all from the start")
    transforms: tuple[Choice, ...] = Field(
        (), description="what changes features and target of a training batch, one after another"
    )
    tta: tuple[Choice, ...] = Field(
        (),
        description="views of the rows that are predicted: the prediction is the mean of the plain look and theirs",
    )
    trainable: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="shell patterns of parameter names, as head.*; what none of them fits stays as it is, and its batch"
        " norms in evaluation mode; none: all are trained",
    )
    clip: float | None = Field(None, gt=0, description="largest norm of the gradient")
    ema: float | None = Field(None, gt=0, lt=1, description="decay of an average of the weights, used instead of them")
    snapshots: int | None = Field(
        None, gt=1, description="average the weights of so many best validated epochs, and use that, not the best alone"
    )
    swa: WeightAveraging | None = Field(
        None, description="average the weights of the last epochs, and use that; {} for the last quarter of them"
    )
    precision: Precision = Field(
        "32-true", description="auto: bf16-mixed on a GPU that has it or a CPU with AMX, else 32-true"
    )
    validate_every: float = Field(1.0, gt=0, description="epochs between validations; 0.5 validates twice an epoch")
    valid_loss: bool | Choice = Field(
        False,
        description="compute a loss of the validation samples too, the training's or the one that is named, and keep"
        " the weights that are best by it as best-loss.pt",
    )
    patience: int | None = Field(None, gt=0, description="stop after so many validations without gain")
    checkpoint_every: int = Field(10, gt=0, description="epochs between checkpoints to resume from")
    copies: Literal["target-groups"] | None = Field(
        None, description="of the last stage: one for each group of columns"
    )
    stages: tuple[dict[str, Any], ...] = Field((), description="phases, each with the keys that differ from these")

    @model_validator(mode="after")
    def _validations_fit_epochs(self) -> Self:
        parts = 1 / self.validate_every if self.validate_every < 1 else self.validate_every
        if abs(parts - round(parts)) > 1e-6 * parts:
            raise ValueError("validate_every is a whole number of epochs or 1/2, 1/3, 1/4 ... of one")
        return self

    @property
    def parts(self) -> int:
        """Validations an epoch, where there are several; else 1."""
        return max(1, round(1 / self.validate_every))

    def with_components(self, where: str, plugins: Plugins) -> Training:
        """Return a copy with the options of its components checked and filled in; those of stages checked."""
        loss = resolve_choice(self.loss, "losses", f"{where}.loss", plugins)
        by = self.valid_loss
        if not isinstance(by, bool):
            by = resolve_choice(by, "losses", f"{where}.valid_loss", plugins)
        transforms = self._resolved("transforms", where, plugins)
        tta = self._resolved("tta", where, plugins)
        whole = self.model_copy(update={"loss": loss, "valid_loss": by, "transforms": transforms, "tta": tta})
        for number, stage in enumerate(whole.phases(f"{where}.stages")):
            resolve_choice(stage.loss, "losses", f"{where}.stages.{number}.loss", plugins)
            stage._resolved("transforms", f"{where}.stages.{number}", plugins)
        return whole

    def _resolved(self, key: Literal["transforms", "tta"], where: str, plugins: Plugins) -> tuple[Choice, ...]:
        kind = "views" if key == "tta" else key
        return tuple(
            resolve_choice(each, kind, f"{where}.{key}.{number}", plugins)
            for number, each in enumerate(getattr(self, key))
        )

    def phases(self, where: str = "stages") -> list[Training]:
        """List the stages with the common keys filled in; without any, this itself."""
        common = self.model_dump(exclude={"stages"})
        for number, stage in enumerate(self.stages):
            if "tta" in stage:
                raise UsageError(
                    f"Config {where}.{number}: tta stands in a stage.",
                    "Only a member's predictions have views: write tta beside 'stages'.",
                )
        phases = [
            validate_config(Training, merge_configs(common, stage), f"{where}.{n}")
            for n, stage in enumerate(self.stages)
        ]
        phases = phases or [self]
        for number, phase in enumerate(phases):
            if phase.copies and (number == 0 or number < len(phases) - 1):
                raise UsageError(
                    f"Config {where}: copies stand in stage {number + 1} of {len(phases)}.",
                    "Copies are trained last, after a stage of the whole network.",
                )
            if phase.curriculum is not None and phase.batch.within is not None:
                raise UsageError(
                    f"Config {where}: curriculum and batch.within each say which rows come together.", "Leave one out."
                )
            phase._check_averages(f"{where}.{number}" if self.stages else where.removesuffix("stages").rstrip("."))
        return phases

    def _check_averages(self, where: str) -> None:
        """Raise UsageError where two keys would each say which weights to use, or a late epoch does not come."""
        if self.swa is None:
            return
        start: float = getattr(self.swa, "from")
        others = {
            "snapshots": (self.snapshots, "both say which weights are used"),
            "ema": (self.ema, "each averages the weights"),
            "patience": (self.patience, "it may end a fit before the epochs that swa averages"),
        }
        for key, (value, why) in others.items():
            if value is not None:
                raise UsageError(f"Config {where}: swa and {key} do not go together: {why}.", "Leave one out.")
        if self.swa.lr is not None and self.schedule.name == "plateau":
            raise UsageError(
                f"Config {where}: swa.lr and a plateau schedule both set the learning rate of late epochs.",
                "Leave swa.lr out, or choose another schedule.",
            )
        if start >= 1 and (start > self.epochs or start != int(start)):
            raise UsageError(
                f"Config {where}: swa.from is {start:g}, and there are epochs 1 to {self.epochs}.",
                "Name one of them, or a share of them below 1.",
            )
