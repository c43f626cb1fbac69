"""A DETR of transformers as a frozen network from pictures to a map."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn
from transformers import AutoModel

from ctk.errors import UsageError
from ctk_transformers.pretrained import load_pretrained

Layer = Literal["encoder", "backbone"]


class DetrMap(nn.Module):
    """What a DETR (Carion et al. 2020, arXiv:2005.12872) makes of pictures, laid out as a map.

    layer  "encoder": its last hidden states; "backbone": the feature map that goes in
    """

    def __init__(self, detr: Any, layer: Layer) -> None:
        super().__init__()
        self.detr: Any = detr
        self.layer = layer
        self.shape = (0, 0)
        detr.input_projection.register_forward_hook(self._note)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, h, w) normalised pictures to (B, F, rows, columns)."""
        if self.layer == "backbone":
            whole = pictures.new_ones(pictures.shape[0], *pictures.shape[2:])
            last: Tensor = self.detr.backbone(pictures, whole)[-1][0]
            return last
        states: Tensor = self.detr(pixel_values=pictures).encoder_last_hidden_state
        return states.transpose(1, 2).reshape(len(states), -1, *self.shape)

    def _note(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        """Note rows and columns of the map, which the encoder sees flat."""
        self.shape = (output.shape[-2], output.shape[-1])


def load_detr(model: str) -> Any:
    """Load a DETR from a local folder or by its id on the hub. Code beside the weights is never run.

    Raises UsageError for a folder that is not there and for a model that is no DETR; CtkError at once where the hub
    cannot be reached, and for weights that cannot be read.
    """
    detr: Any = load_pretrained(AutoModel, model)
    if not (hasattr(detr, "input_projection") and hasattr(detr, "backbone")):
        raise UsageError(
            f"{model}: is a {type(detr).__name__}, no DETR.", "Use a model such as facebook/detr-resnet-50."
        )
    return detr
