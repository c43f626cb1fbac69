"""A vision and a text tower with a projection each: pictures and captions to vectors of one space. Needs torch alone.

The bundle holds this file as it is: what was trained and what a grader loads are one class.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAX_SCALE = 100.0
"""The learned scale is held there at most, as CLIP does (Radford et al. 2021, arXiv:2103.00020, section 2.5)."""


class CLIPTowers(nn.Module):
    """Two towers of a vision-language model, projections without bias, and a learned temperature.

    Each tower's last states are averaged, those of captions over their own tokens, on whichever side the padding is.
    The towers' attributes are called as the course's loader calls them: everything whose name does not begin with
    ``vision_encoder.`` or ``text_encoder.`` is kept in ``additional_weights.pt``.

    vision_encoder  (B, 3, S, S) to an output with ``last_hidden_state`` (B, patches, V)
    text_encoder    input_ids and attention_mask (T, L) to an output with ``last_hidden_state`` (T, L, W)
    """

    def __init__(
        self, vision_encoder: nn.Module, text_encoder: nn.Module, proj_dim: int = 64, temperature: float = 0.07
    ) -> None:
        super().__init__()
        self.vision_encoder, self.text_encoder = vision_encoder, text_encoder
        self.vision_projection = nn.Linear(_width(vision_encoder), proj_dim, bias=False)
        self.text_projection = nn.Linear(_width(text_encoder), proj_dim, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(1 / temperature).log())

    def encode_image(self, pixel_values: Tensor) -> Tensor:
        """(B, 3, S, S) of any floating dtype, normalised, to unit vectors (B, P) float32."""
        states = self.vision_encoder(pixel_values.to(_dtype(self.vision_encoder))).last_hidden_state
        return _unit(self.vision_projection(states.mean(dim=1).to(self.vision_projection.weight.dtype)))

    def encode_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(T, L) tokens and which of them count to unit vectors (T, P) float32."""
        states = self.text_encoder(
            input_ids=input_ids, attention_mask=attention_mask, use_cache=False
        ).last_hidden_state
        counts = attention_mask.unsqueeze(-1).to(states)
        mean = (states * counts).sum(dim=1) / counts.sum(dim=1).clamp(min=1)
        return _unit(self.text_projection(mean.to(self.text_projection.weight.dtype)))

    def scale(self) -> Tensor:
        """Return the inverse temperature, 0-d float32."""
        return self.logit_scale.float().clamp(max=math.log(MAX_SCALE)).exp()

    def forward(
        self, pixel_values: Tensor, input_ids: Tensor, attention_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures and captions to unit vectors (B, P) and (T, P) float32, and the scale of their cosines."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        return self.encode_image(pixel_values), self.encode_text(input_ids, mask), self.scale()


def _width(tower: nn.Module) -> int:
    return int(tower.config.hidden_size)  # type: ignore[union-attr, arg-type]


def _dtype(tower: nn.Module) -> torch.dtype:
    return next(tower.parameters()).dtype


def _unit(vectors: Tensor) -> Tensor:
    return F.normalize(vectors.float(), dim=-1)
