"""The 60 hybrid levels of the columns: pressure p = a * P0 + b * ps, level 0 at the top.

The interfaces at ps = P0 are those of ClimSim's low-resolution grid (its grid_info file; Yu et al. 2023,
arXiv:2306.08754). How much of each follows the surface pressure (b) is simplified: nothing above SURFACE_FREE, from
there linear in the nominal pressure.
"""

from __future__ import annotations

import numpy as np

from ctk.samples import Array

P0 = 1e5
"""Pa"""
SURFACE_FREE = 0.17
"""Above this share of P0 the levels do not follow the surface pressure."""

# fmt: off
INTERFACES = np.array([
    0.0558810705, 0.100814552, 0.181402085, 0.324444509, 0.574056761, 0.998635562, 1.69607596, 2.79347861,
    4.43938435, 6.7922885, 10.0142179, 14.2747608, 19.7588953, 26.6627009, 35.1659916, 45.3891697,
    57.3600949, 71.0183619, 86.2609533, 102.999231, 121.183316, 140.772291, 161.670345, 183.677464,
    206.497955, 229.813914, 253.386844, 277.130187, 301.114458, 325.509716, 350.504282, 376.242702,
    402.803975, 430.211869, 458.450955, 487.463457, 517.120376, 547.18417, 577.294615, 607.003937,
    635.861745, 663.518049, 689.79492, 714.689455, 738.307724, 760.767567, 782.122867, 802.345653,
    821.367698, 839.151589, 855.749717, 871.322087, 886.109663, 900.382373, 914.388052, 928.320743,
    942.312691, 956.443421, 970.755778, 985.271087, 1000.0,
])
# fmt: on
"""(61,) hPa at ps = P0."""

_ETA = INTERFACES * 100.0 / P0
B = np.clip((_ETA - SURFACE_FREE) / (1.0 - SURFACE_FREE), 0.0, None)
A = _ETA - B


def pressures(ps: Array) -> tuple[Array, Array]:
    """Pressure at levels (60, n) and at interfaces (61, n), Pa, for surface pressures (n,) in Pa."""
    interfaces = A[:, None] * P0 + B[:, None] * ps
    return (interfaces[:-1] + interfaces[1:]) / 2.0, interfaces
