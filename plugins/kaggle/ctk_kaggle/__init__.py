"""Kaggle as a platform of ctk, through the official client."""
