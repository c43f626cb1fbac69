"""A timm backbone on the picture of a pasture, with what is known beside it, to grams."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from ctk.contract import Batch, Count
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk_csiro_biomass.columns import IMAGE
from ctk_csiro_biomass.networks.head import BiomassHead, Outputs
from ctk_csiro_biomass.networks.metadata import MetadataTokens, Standardised, columns_of
from ctk_csiro_biomass.networks.options import Fusion, Pieces, Share
from ctk_csiro_biomass.networks.perceiver import PLACE, Perceiver, places
from ctk_csiro_biomass.networks.pieces import boxes_of, cut
from ctk_timm import Backbone, BackboneChoice, StackedFrames

RESNET18, WHOLE, NO_FUSION = BackboneChoice(), Pieces(), Fusion()
Size = Count | tuple[Count, Count] | None
"""Side of a square, or height and width, that pieces are brought to; None leaves them as they are."""
Auxiliary = dict[Literal["ndvi", "height"], Annotated[float, Field(gt=0)]]


class PastureNet(nn.Module):
    """A backbone on the picture, whole or in pieces; metadata beside it, by an mlp or a perceiver; grams at the end.

    Parts, as ``trainable`` and ``lr_by_part`` name them: ``backbone``, ``metadata``, ``fusion``, ``head`` and
    ``auxiliary``. What is standardised is so by the rows that it is trained on, and saved with it; unknown metadata
    counts as the mean.

    backbone   a model of timm and its weights
    size       that the picture, or each piece of it, is brought to: a side, or height and width; as it is where none
    view       whole, halves or crops, with their grid and overlap or size
    fusion     none, mlp or perceiver, with what metadata is read
    head       five: each target by itself; parts: green, dead and clover, the other two their sums
    positive   never below zero, by a softplus
    scaling    column: targets standardised each by itself; shared: all alike, so that errors count as in grams
    hidden     units of the head's first layer
    dropout    before its second
    auxiliary  weights of ndvi and height, predicted from the picture in training alone: smooth L1 of each, standardised
    """

    features: tuple[str, ...] = (IMAGE,)
    auxiliary_features: tuple[str, ...] = ()
    reads_nan = True

    def __init__(
        self,
        samples: Samples,
        *,
        backbone: BackboneChoice = RESNET18,
        size: Size = None,
        view: Pieces = WHOLE,
        fusion: Fusion = NO_FUSION,
        head: Outputs = "five",
        positive: bool = False,
        scaling: Literal["column", "shared"] = "column",
        hidden: Count = 256,
        dropout: Share = 0.0,
        auxiliary: Auxiliary | None = None,
    ) -> None:
        super().__init__()
        view, fusion = Pieces.model_validate(view), Fusion.model_validate(fusion)
        weights = dict(auxiliary or {})
        self.features, self.auxiliary_features = (IMAGE, *fusion.reads), tuple(weights)
        self._require(samples)
        height, width = samples.features[IMAGE].shape[1:3]
        self.picture, self.boxes = (height, width), boxes_of(view, (height, width))
        own = self.boxes[0][2:]
        read = own if size is None else (size, size) if isinstance(size, int) else (size[0], size[1])
        self.backbone = Backbone(BackboneChoice.model_validate(backbone), 3, read)
        self.normalise = StackedFrames(self.backbone.mean, self.backbone.std, size=read)
        seen = self.backbone.num_features * (len(self.boxes) if view.join == "concatenate" else 1)
        self.join, self.hide, self.kind = view.join, fusion.hide, fusion.name
        self.metadata = MetadataTokens(samples, fusion.reads)
        joined = seen
        if fusion.name == "mlp":
            self.fusion: nn.Module = nn.Sequential(
                nn.Linear(sum(self.metadata.widths), fusion.width), nn.GELU(), nn.Linear(fusion.width, fusion.width)
            )
            joined = seen + fusion.width
        elif fusion.name == "perceiver":
            self.fusion = TokenFusion(self.backbone.num_features, self.metadata.widths, fusion)
            seen = joined = fusion.width
        self.head = BiomassHead(
            samples, joined, hidden=hidden, dropout=dropout, outputs=head, scaling=scaling, positive=positive
        )
        if weights:
            self.auxiliary = AuxiliaryHead(samples, seen, weights)
        self._embedded: Tensor | None = None

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> Self:
        """Make a network with the samples' statistics, for pictures of their size.

        Raises UsageError for samples that have no such pictures or metadata.
        """
        return cls(samples, **options)

    def load_pretrained(self) -> None:
        """Begin with the backbone's weights that were chosen."""
        self.backbone.load_pretrained()

    def scale(self, target: Tensor) -> Tensor:
        """(B, 5) grams to what is trained, float32."""
        return self.head.scale(target)

    def unscale(self, output: Tensor) -> Tensor:
        """Back, (B, 5) to grams, float32."""
        return self.head.unscale(output)

    def forward(self, pictures: Tensor, *metadata: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 and metadata (B, ...) to (B, 5) scaled targets."""
        pieces = cut(pictures, self.boxes)
        count = pieces.shape[1]
        normalised = self.normalise(pieces.flatten(0, 1).unsqueeze(1))
        hidden = None
        if self.training and self.hide:
            hidden = torch.rand(pictures.shape[0], device=pictures.device) < self.hide
        known = self.metadata(metadata, hidden)
        if self.kind == "perceiver":
            maps = self.backbone.last_map(normalised)
            where = places(self.boxes, self.picture, *maps.shape[2:]).to(maps)
            cells = maps.flatten(2).transpose(1, 2).unflatten(0, (-1, count)).flatten(1, 2)  # type: ignore[no-untyped-call]
            embedded, joined = self.fusion(cells, where, known)
        else:
            each = self.backbone(normalised).unflatten(0, (-1, count))
            embedded = each.flatten(1) if self.join == "concatenate" else each.mean(dim=1)
            joined = embedded
            if known:
                joined = torch.cat([embedded, self.fusion(torch.cat(known, dim=1))], dim=1)
        if self.training and self.auxiliary_features and torch.is_grad_enabled():
            self._embedded = embedded
        scaled: Tensor = self.head(joined)
        return scaled

    def auxiliary_loss(self, batch: Batch) -> Tensor:
        """Compare what the last forward saw in the pictures with the batch's ndvi and height, to a 0-d loss."""
        embedded, self._embedded = self._embedded, None
        if embedded is None:
            return batch.target.new_zeros(())
        loss: Tensor = self.auxiliary(embedded, [batch.features[name] for name in self.auxiliary_features])
        return loss

    def input_normalization(self) -> dict[str, Any]:
        """Tell what inputs and outputs are scaled by: pictures from 0 to 1 by colour, metadata, targets in grams."""
        return {
            IMAGE: {
                "range": [0, 1],
                "mean": list(self.backbone.mean),
                "std": list(self.backbone.std),
                "size": list(self.backbone.size),
                "pieces": [list(box) for box in self.boxes],
            },
            "metadata": self.metadata.describe(),
            "target": self.head.describe(),
        }

    def _require(self, samples: Samples) -> None:
        lacking = [name for name in (*self.features, *self.auxiliary_features) if name not in samples.features]
        if lacking:
            raise UsageError(
                f"The samples have no feature '{lacking[0]}', which this network reads.",
                "Use it with the competition csiro-biomass, or choose another model.",
            )
        shape = samples.features[IMAGE].shape
        if len(shape) != 4 or shape[-1] != 3:
            raise UsageError(f"Feature '{IMAGE}' is {shape[1:]} a sample, and this network reads (H, W, 3).")


class TokenFusion(nn.Module):
    """A perceiver over the cells of pictures' feature maps and metadata, each a token of one width."""

    def __init__(self, cells: int, widths: list[int], fusion: Fusion) -> None:
        super().__init__()
        self.cells = nn.Sequential(nn.LayerNorm(cells), nn.Linear(cells, fusion.width))
        self.place = nn.Linear(PLACE, fusion.width)
        self.known = nn.ModuleList(nn.Linear(width, fusion.width) for width in widths)
        self.perceiver = Perceiver(fusion.width, fusion.latents, fusion.layers, fusion.heads)

    def forward(self, cells: Tensor, where: Tensor, known: list[Tensor]) -> tuple[Tensor, Tensor]:
        """(B, N, cells), their places and blocks of metadata to what pictures show and to all, (B, width) each."""
        tokens = self.cells(cells)
        further = [layer(block).unsqueeze(1) for layer, block in zip(self.known, known, strict=True)]
        return tokens.mean(dim=1), self.perceiver(torch.cat([tokens + self.place(where), *further], dim=1))


class AuxiliaryHead(nn.Module):
    """What a picture tells of its metadata, learned beside the targets; rows without it count as no error.

    Of each standardised number the smooth L1 (Girshick 2015) to one layer's output, summed over rows, divided by all
    rows, times its weight.
    """

    weights: Tensor

    def __init__(self, samples: Samples, inputs: int, weights: dict[Literal["ndvi", "height"], float]) -> None:
        super().__init__()
        self.standardised = Standardised(columns_of(samples.features, list(weights)))
        self.layer = nn.Linear(inputs, len(weights))
        self.register_buffer("weights", torch.tensor(list(weights.values())), persistent=False)

    def forward(self, embedded: Tensor, values: list[Tensor]) -> Tensor:
        """(B, inputs) and a tensor (B,) each to a 0-d loss."""
        target = torch.stack(values, dim=1)
        error = nn.functional.smooth_l1_loss(self.layer(embedded).float(), self.standardised(target), reduction="none")
        return torch.where(torch.isnan(target), torch.zeros_like(error), error).mean(dim=0) @ self.weights
