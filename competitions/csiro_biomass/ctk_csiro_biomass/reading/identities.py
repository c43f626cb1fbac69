"""Sums that should be those of their parts: the competition's own tables are off by rounding, and more in some rows."""

from __future__ import annotations

import numpy as np

from ctk_csiro_biomass.columns import SUMS, TARGETS
from ctk_csiro_biomass.reading.tables import ImageTable

NAMED = 3
"""Images that are named."""


def broken_identities(table: ImageTable, tolerance: float) -> list[str]:
    """A sentence for each identity that some images break by more than a tolerance in grams, with their rows."""
    if table.target is None:
        return []
    grams = table.target.astype(np.float64)
    said = []
    for name, of in SUMS.items():
        off = np.abs(grams[:, TARGETS.index(name)] - grams[:, [TARGETS.index(part) for part in of]].sum(axis=1))
        if len(broken := np.flatnonzero(off > tolerance)):
            which = [
                f"{table.ids[image]} (row {table.rows[image, TARGETS.index(name)] + 1:,}, {off[image]:.2f} g)"
                for image in broken[np.argsort(-off[broken], kind="stable")][:NAMED]
            ]
            images = f"{len(broken):,} image{'s' if len(broken) > 1 else ''}"
            said.append(f"in {images} {name} is off {' + '.join(of)} by more than {tolerance:g} g: {', '.join(which)}")
    return said
