"""The config keys of a member that is a network."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ctk.plugins import Plugins
from ctk.schema import Choice, Strict, checked, component, merge


def schema_of(model: Any) -> type[Strict]:
    """The training keys of a registered model: its own schema, or for a torch module those of a network."""
    schema: type[Strict] = getattr(model, "schema", Training)
    return schema


class Optimizer(Strict):
    """Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019)."""

    name: Literal["adam", "adamw"] = "adam"
    lr: float = Field(3e-4, gt=0, description="learning rate")
    weight_decay: float = Field(0.0, ge=0)


class Schedule(Strict):
    """Learning rate over a stage: linear warm-up over ``warmup`` epochs, then constant or a half cosine to 0."""

    name: Literal["constant", "cosine"] = "constant"
    warmup: float = Field(0.0, ge=0, description="epochs")


class BatchSize(Strict):
    """Rows a batch, and the group whose rows stay together in one."""

    size: int = Field(1024, gt=0)
    by: str | None = None


class Training(Strict):
    """One network's training. ``stages`` are phases one after another, each overriding some of the other keys."""

    loss: Choice = Choice(name="info-nce")
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    epochs: int = Field(100, gt=0)
    batch: BatchSize = BatchSize()
    clip: float | None = Field(None, gt=0, description="largest norm of the gradient")
    ema: float | None = Field(None, gt=0, lt=1, description="decay of an average of the weights, used instead of them")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    validate_every: int = Field(1, gt=0, description="epochs between validations")
    checkpoint_every: int = Field(10, gt=0, description="epochs between checkpoints to resume from")
    stages: tuple[dict[str, Any], ...] = ()

    def with_components(self, where: str, plugins: Plugins) -> Training:
        """The same with the losses' options checked and filled in; each stage too."""
        loss = component(self.loss, "losses", f"{where}.loss", plugins)
        whole = self.model_copy(update={"loss": loss})
        for number, stage in enumerate(whole.phases(f"{where}.stages")):
            component(stage.loss, "losses", f"{where}.stages.{number}.loss", plugins)
        return whole

    def phases(self, where: str = "stages") -> list[Training]:
        """The stages with the common keys filled in; without any, this itself."""
        if not self.stages:
            return [self]
        common = self.model_dump(exclude={"stages"})
        return [checked(Training, merge(common, stage), f"{where}.{n}") for n, stage in enumerate(self.stages)]
