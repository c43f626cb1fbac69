"""Gradient-boosted trees of LightGBM as a ctk model."""
