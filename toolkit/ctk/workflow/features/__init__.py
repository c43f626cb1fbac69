"""Extracted features: made once, kept in the cache, handed to the members that name them."""

from __future__ import annotations

from ctk.workflow.features.by_fold import HandedFeatures, hand_features
from ctk.workflow.features.feature_plan import NO_FEATURES, FeaturePlan, PlannedFeature, plan_features
from ctk.workflow.features.frozen import add_frozen, prepare_frozen
from ctk.workflow.features.listing import FeatureState, extracted_features

__all__ = [
    "NO_FEATURES",
    "FeaturePlan",
    "FeatureState",
    "HandedFeatures",
    "PlannedFeature",
    "add_frozen",
    "extracted_features",
    "hand_features",
    "plan_features",
    "prepare_frozen",
]
