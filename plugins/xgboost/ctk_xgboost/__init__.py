"""Gradient-boosted trees of XGBoost as a ctk model."""
