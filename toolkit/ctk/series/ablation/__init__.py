"""Ablations: what a config is worth with something in it changed, over seeds, and whether that is more than noise."""

BASE = "base"
"""The config that variants are compared with, as a variant is called."""
PLAN = "plan.json"
"""In an ablation's folder, what it is going to run."""
