"""Names of the competition's columns, targets and weights: the ground that every other file stands on."""

from __future__ import annotations

TARGETS = ("Dry_Green_g", "Dry_Dead_g", "Dry_Clover_g", "GDM_g", "Dry_Total_g")
"""Grams, in the order of the submission's page; columns of (N, 5) targets and predictions."""
WEIGHTS = (0.1, 0.1, 0.1, 0.2, 0.5)
"""Of the targets in the metric."""
PARTS = ("Dry_Green_g", "Dry_Dead_g", "Dry_Clover_g")
"""The components; the other two are sums: GDM_g is green and clover, Dry_Total_g is GDM_g and dead."""
SUMS = {"GDM_g": ("Dry_Green_g", "Dry_Clover_g"), "Dry_Total_g": ("GDM_g", "Dry_Dead_g")}
"""What the sums are sums of."""
IMAGE = "image"
"""Feature (N, H, W, 3) uint8."""
NDVI, HEIGHT = "ndvi", "height"
"""Features (N,) float32 of Pre_GSHH_NDVI and Height_Ave_cm; NaN where there is none, as in the test."""
STATE, SPECIES, DATE = "state", "species", "date"
"""Features (N,) text; empty where there is none, as in the test. The date is YYYY-MM-DD."""
