"""Extracted features: made once, kept in the cache, handed to the members that name them."""

from __future__ import annotations

from ctk.workflow.features.by_fold import HandedFeatures, hand_features
from ctk.workflow.features.feature_plan import NO_FEATURES, FeaturePlan, PlannedFeature, plan_features
from ctk.workflow.features.frozen import add_frozen, prepare_frozen

__all__ = [
    "NO_FEATURES",
    "FeaturePlan",
    "HandedFeatures",
    "PlannedFeature",
    "add_frozen",
    "hand_features",
    "plan_features",
    "prepare_frozen",
]
