"""The hot paths, usable alone: contrastive loss, exact ranks, hill climbing. Imports torch and nothing of ctk."""

from ctk.ops.contrastive import info_nce
from ctk.ops.hill_climb import Climb, Step, hill_climb
from ctk.ops.ranking import mean_reciprocal_rank, target_ranks, topk

__all__ = ["Climb", "Step", "hill_climb", "info_nce", "mean_reciprocal_rank", "target_ranks", "topk"]
