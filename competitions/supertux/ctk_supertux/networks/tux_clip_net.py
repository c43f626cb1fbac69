"""A vision-language model's towers as a contrastive network that chooses one of five captions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ctk.contract import Batch, Count
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk.training import texts_of
from ctk_supertux.columns import CANDIDATES, IMAGE
from ctk_supertux.networks.contrast import contrast
from ctk_supertux.networks.looks import Look, PictureLook
from ctk_supertux.networks.towers import CLIPTowers
from ctk_transformers import Lora, PretrainedBase, add_lora, leave_out_frozen, load_base, save_lora

ADDITIONAL = "additional_weights.pt"
"""What is learned beside the adapters, by name, as ``torch.save`` writes it."""
TOWERS = ("vision_encoder.", "text_encoder.")
"""How the names of what is not in that file begin."""
Area = Annotated[float, Field(gt=0, le=1)]
LORA = Lora()


class TuxClipNet(nn.Module):
    """Towers of a vision-language model, adapted by LoRA, that put a picture and the caption true of it close together.

    It predicts scores (B, 5) of a row's candidates, the softmax of scaled cosines, and is trained by a loss of its own
    (``loss: own``): cross entropy over a row's candidates, and InfoNCE between the batch's pictures and right captions
    with equal captions as positives. With ``batch: {within: question}`` the others of a batch are false of a picture.

    model         the base: a folder, PACKAGE:FOLDER or an id of the hub; it has a vision_model and a text_model
    lora          adapters of both towers' layers; none: both towers are trained whole, and make no bundle
    proj_dim      numbers in a vector
    temperature   to begin with; it is learned
    size          side of the square that the vision tower sees
    look          what of a picture is predicted by: homework, the middle square, as the course grades; or whole
    crop          least and largest share of the area that training shows; none: as predicted
    contrast      weight of InfoNCE beside the cross entropy
    memory_limit  bytes of InfoNCE's logits held at a time; none: as ctk.ops.info_nce has it
    chunk         rows encoded at a time in training: what they held is computed again for their gradients, so that a
                  batch takes the memory of a chunk, for a third more time; none: the whole batch at once
    """

    features: tuple[str, ...] = (IMAGE, CANDIDATES)

    def __init__(
        self,
        samples: Samples,
        *,
        model: str,
        lora: Lora | None = LORA,
        proj_dim: Count = 64,
        temperature: Annotated[float, Field(gt=0)] = 0.07,
        size: Count = 192,
        look: Look = "homework",
        crop: tuple[Area, Area] | None = (0.5, 1.0),
        contrast: Annotated[float, Field(ge=0)] = 1.0,
        memory_limit: Count | None = None,
        chunk: Count | None = None,
    ) -> None:
        super().__init__()
        self._require(samples)
        base = load_base(model)
        self.base, self.tokenizer = base.name, base.tokenizer
        self.look = PictureLook(look, size, crop)
        self.weight, self.memory_limit, self.chunk = contrast, memory_limit, chunk
        self.towers = CLIPTowers(*towers_of(base), proj_dim, temperature)
        # A tuple, so that what is saved does not hold the towers a second time.
        self.adapters = () if lora is None else (adapt(self.towers, Lora.model_validate(lora)),)
        leave_out_frozen(self)

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> Self:
        """Make a network of the base's weights. Raises UsageError and CtkError, for samples of another kind too."""
        return cls(samples, **options)

    def forward(self, pictures: Tensor, candidates: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 and code points (B, C, L) int32 to scores (B, C) float32, of which a row's sum is 1."""
        seen, known, of = self._encoded(pictures, candidates)
        cosines = (seen.unsqueeze(1) * known[of]).sum(dim=-1)
        return torch.softmax(self.towers.scale() * cosines, dim=-1)

    def training_loss(self, batch: Batch) -> Tensor:
        """Compute the loss of a training batch, 0-d; ``contrast`` says of what."""
        seen, known, of = self._encoded(batch.features[IMAGE], batch.features[CANDIDATES])
        right = batch.target.reshape(-1).long()
        return contrast(seen, known, of, right, self.towers.scale(), weight=self.weight, memory_limit=self.memory_limit)

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter in peft's files, and what is learned beside it, as the course's loader takes them.

        Raises UsageError where the towers themselves were trained.
        """
        if not self.adapters:
            raise UsageError(
                "A CLIP network whose towers were trained whole is no adapter of its base.",
                "Train it with lora: {r: 8, alpha: 32} for a bundle.",
            )
        save_lora(self.adapters[0], folder)
        own = {name: value.detach().cpu() for name, value in self.towers.named_parameters() if is_additional(name)}
        torch.save(own, folder / ADDITIONAL)

    def _encoded(self, pictures: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode pictures (B, P), the candidates that differ (U, P), and tell which those of a row are, (B, C)."""
        codes, of = candidates.flatten(0, 1).unique(dim=0, return_inverse=True)  # type: ignore[no-untyped-call]
        tokens = self.tokens(texts_of(codes.cpu().numpy()).tolist())
        known = self._in_chunks(self.towers.encode_text, *(each.to(pictures.device) for each in tokens))
        seen = self._in_chunks(self.towers.encode_image, self.look(pictures, self.training))
        return seen, known, of.view(candidates.shape[:2])

    def tokens(self, captions: list[str]) -> tuple[Tensor, Tensor]:
        """Captions as tokens, each with the end's after it, (T, L) int64, and which of them count, (T, L)."""
        ended = [caption + self.tokenizer.eos_token for caption in captions]
        made = self.tokenizer(ended, padding=True, padding_side="right", return_tensors="pt")
        return made["input_ids"], made["attention_mask"]

    def _in_chunks(self, encode: Callable[..., Tensor], *rows: Tensor) -> Tensor:
        if self.chunk is None or not torch.is_grad_enabled() or len(rows[0]) <= self.chunk:
            return encode(*rows)
        chunks: Iterator[tuple[Tensor, ...]] = zip(*(each.split(self.chunk) for each in rows), strict=True)  # type: ignore[no-untyped-call]
        return torch.cat([checkpoint(encode, *chunk, use_reentrant=False) for chunk in chunks])

    def _require(self, samples: Samples) -> None:
        for name, kind, ndim in ((IMAGE, "u", 4), (CANDIDATES, "U", 2)):
            values = samples.features.get(name)
            if values is None or values.dtype.kind != kind or values.ndim != ndim:
                raise UsageError(
                    f"The samples have no feature '{name}' as this network reads it: pictures (H, W, 3) uint8 and"
                    " candidates (5,) of text.",
                    "Use it with the competition tux-clip, or choose another model.",
                )


def towers_of(base: PretrainedBase) -> tuple[nn.Module, nn.Module]:
    """Take the vision and the text tower out of a model. Raises UsageError where it is not made of two such."""
    inner = getattr(base.model, "model", base.model)
    vision, text = (getattr(inner, name, None) for name in ("vision_model", "text_model"))
    if vision is None or text is None:
        raise UsageError(
            f"{base.name}: a {type(base.model).__name__} has no vision_model and text_model.",
            "Use a model of SmolVLM's architecture.",
        )
    return vision, text


def adapt(towers: CLIPTowers, lora: Lora) -> Any:
    """Put adapters into both towers, in place, as a PeftModel; the rest of the towers is frozen."""
    if lora.target == "all-linear":
        named = towers.named_modules()
        linear = tuple(name for name, each in named if isinstance(each, nn.Linear) and not is_additional(name))
        lora = lora.model_copy(update={"target": linear})
    adapted = add_lora(towers, lora, "FEATURE_EXTRACTION", exclude=".*_projection")
    for name, parameter in towers.named_parameters():
        if is_additional(name):
            parameter.requires_grad_(True)
    return adapted


def is_additional(name: str) -> bool:
    """Whether a parameter of the towers is kept in ``additional_weights.pt``, by its name."""
    return not name.startswith(TOWERS)
