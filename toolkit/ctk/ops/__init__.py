"""The hot paths, usable alone: contrastive loss, exact ranks. Imports torch and nothing of ctk."""

from ctk.ops.across import info_nce_across
from ctk.ops.contrastive import info_nce
from ctk.ops.ranking import mean_reciprocal_rank, target_ranks, topk

__all__ = ["info_nce", "info_nce_across", "mean_reciprocal_rank", "target_ranks", "topk"]
