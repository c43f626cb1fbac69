"""Good weights for the members of a blend, in seconds. Imports nothing of ctk but ``ctk.ops`` and the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctk.blend.greedy import greedy_selection
from ctk.blend.hill_climb import hill_climb
from ctk.blend.label_scores import LABEL_SCORES, LabelCounts, labels_of, score_labels
from ctk.blend.label_steps import Crossings, sweep
from ctk.blend.nelder_mead import SimplexStart, nelder_mead
from ctk.blend.nested_folds import CrossValidated, cross_validated_score
from ctk.blend.result import BlendResult, ClimbTrace, Step

if TYPE_CHECKING:
    from ctk.blend.retrieval import hill_climb_retrieval

__all__ = [
    "LABEL_SCORES",
    "BlendResult",
    "ClimbTrace",
    "CrossValidated",
    "Crossings",
    "LabelCounts",
    "SimplexStart",
    "Step",
    "cross_validated_score",
    "greedy_selection",
    "hill_climb",
    "hill_climb_retrieval",
    "labels_of",
    "nelder_mead",
    "score_labels",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """Blending arrays needs no torch; blending embeddings does, and loads it when it is asked for."""
    if name == "hill_climb_retrieval":
        from ctk.blend.retrieval import hill_climb_retrieval

        return hill_climb_retrieval
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
