"""Backbones of timm for the networks and features of ctk."""
