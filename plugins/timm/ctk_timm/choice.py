"""Which backbone, as config keys: for the options of networks and extractors."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from ctk.contract import Strict


class BackboneChoice(Strict):
    """A model of timm and its weights: ``{name: resnet18, pretrained: true}``, or its name alone."""

    name: str = Field("resnet18", description="a model of timm, with a tag for particular weights: resnet18.a1_in1k")
    pretrained: bool = Field(False, description="begin with timm's published weights, fetched from the hub or cached")
    checkpoint: str | None = Field(
        None, description="begin with the weights of a file instead, .safetensors or a state dict of torch.save"
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value
