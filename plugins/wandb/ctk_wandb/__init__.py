"""Weights & Biases as a tracker of ctk."""
