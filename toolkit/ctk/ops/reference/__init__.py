"""Every op in plain torch: what the kernels are tested against, and what serves where none could be built."""

from ctk.ops.reference.contrastive import info_nce
from ctk.ops.reference.ranking import rank_counts, top_scores

__all__ = ["info_nce", "rank_counts", "top_scores"]
