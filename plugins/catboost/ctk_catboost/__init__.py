"""Gradient-boosted trees of CatBoost as a ctk model."""
