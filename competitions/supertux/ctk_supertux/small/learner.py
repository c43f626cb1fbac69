"""What the small model is trained by: karts found in its patches, and answers to questions."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss

from ctk_supertux.small.packing import IGNORED, PackedQuestions

UNSEEN = -1e9
"""Added to the score of a token that is not attended to."""


class KartTargets(NamedTuple):
    """Karts of B pictures, K together: picture and patch (K,) int64, name (K,) int64, box (K, 4), ego (K,) bool.

    track  (B,) int64, places among the same names
    """

    picture: Tensor
    patch: Tensor
    name: Tensor
    box: Tensor
    ego: Tensor
    track: Tensor


class SmallLearner(nn.Module):
    """The model, and beside it heads of the vision tower that are thrown away at the end.

    Answers say little about where a kart is and who drives it; the heads, which are told, teach that to the patches
    first. ``names`` counts tracks and karts.
    """

    def __init__(self, model: Any, names: int) -> None:
        super().__init__()
        self.model = model
        model.set_attn_implementation("eager")  # a quarter faster here than torch's fused attention with a mask
        width = model.config.vision_config.hidden_size
        self.patch_head = nn.Linear(width, 2 + 4 + names)
        self.track_head = nn.Linear(width, names)
        nn.init.constant_(self.patch_head.bias[0], -4.0)  # few patches are a kart's centre

    def see(self, pixels: Tensor) -> Tensor:
        """(B, 3, S, S) to the vision tower's patches (B, P, F)."""
        patches: Tensor = self.model.model.vision_model(pixel_values=pixels).last_hidden_state
        return patches

    def detection_loss(self, patches: Tensor, karts: KartTargets) -> Tensor:
        """Centres, boxes and names of karts, which of them is the ego, and the track."""
        found = self.patch_head(patches).float()
        centre, ego = torch.zeros_like(found[..., 0]), torch.zeros_like(found[..., 0])
        centre[karts.picture, karts.patch] = 1
        ego[karts.picture[karts.ego], karts.patch[karts.ego]] = 1
        at = found[karts.picture, karts.patch]
        weight = 1 + 9 * centre
        centres = binary_cross_entropy_with_logits(found[..., 0], centre, weight, reduction="sum") / max(1, len(at))
        some = ego.sum(dim=1) > 0
        egos = cross_entropy(found[some, :, 1], ego[some]) if some.any() else 0 * found.sum()
        boxes = l1_loss(at[:, 2:6], karts.box, reduction="sum") / max(1, len(at))
        names = cross_entropy(at[:, 6:], karts.name) if len(at) else 0 * found.sum()
        tracks = cross_entropy(self.track_head(patches.mean(dim=1)).float(), karts.track)
        return centres + egos + 2 * boxes + names + tracks

    def answer_costs(self, patches: Tensor, packed: PackedQuestions, questions: int) -> tuple[Tensor, Tensor]:
        """Mean cost of each question's answer and end (Q,), and whether each of its tokens is the likeliest (Q,)."""
        inner = self.model.model
        embedded = inner.text_model.get_input_embeddings()(packed.ids)
        pictures = inner.connector(patches).flatten(0, 1).to(embedded.dtype)
        at = (packed.ids == self.model.config.image_token_id).unsqueeze(-1)
        states = inner.text_model(
            inputs_embeds=embedded.masked_scatter(at, pictures),
            attention_mask=torch.where(packed.seen, 0.0, UNSEEN),
            position_ids=packed.positions,
            use_cache=False,
        ).last_hidden_state
        counted = packed.labels != IGNORED
        logits, labels = self.model.lm_head(states[counted]).float(), packed.labels[counted]
        question = packed.question[counted]
        sums = torch.zeros(questions).index_add(0, question, cross_entropy(logits, labels, reduction="none"))
        wrong = torch.zeros(questions).index_add(0, question, (logits.argmax(dim=-1) != labels).float())
        return sums / torch.bincount(question, minlength=questions).clamp(min=1), wrong == 0
