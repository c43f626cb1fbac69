"""The columns of the competition's tables, in the order of its files: names, units, groups, and what is known of them.

Level 0 is the top of the atmosphere, 59 the surface. From ClimSim (Yu et al. 2023, arXiv:2306.08754) and its
repository's ``for_kaggle_users.py`` and ``website/dataset.md``.
"""

from __future__ import annotations

import numpy as np

LEVELS = 60
GRID = 384
"""Columns of a time step: the low-resolution grid."""
STEP = 1200.0
"""Seconds between the states before (mli) and after (mlo) the physics."""

STATE = ("state_t", "state_q0001", "state_q0002", "state_q0003", "state_u", "state_v")
SERIES = (*STATE, "pbuf_ozone", "pbuf_CH4", "pbuf_N2O")
"""Inputs with a value a level."""
SCALARS = (
    "state_ps",
    "pbuf_SOLIN",
    "pbuf_LHFLX",
    "pbuf_SHFLX",
    "pbuf_TAUX",
    "pbuf_TAUY",
    "pbuf_COSZRS",
    "cam_in_ALDIF",
    "cam_in_ALDIR",
    "cam_in_ASDIF",
    "cam_in_ASDIR",
    "cam_in_LWUP",
    "cam_in_ICEFRAC",
    "cam_in_LANDFRAC",
    "cam_in_OCNFRAC",
    "cam_in_SNOWHLAND",
)
"""Inputs with one value a column of air."""
INPUT_VARIABLES = (*STATE, *SCALARS, "pbuf_ozone", "pbuf_CH4", "pbuf_N2O")
"""In the order of train.csv."""

TENDENCIES = ("ptend_t", "ptend_q0001", "ptend_q0002", "ptend_q0003", "ptend_u", "ptend_v")
"""Targets with a value a level: (state after - state before) / STEP, in the order of STATE."""
SURFACE = (
    "cam_out_NETSW",
    "cam_out_FLWDS",
    "cam_out_PRECSC",
    "cam_out_PRECC",
    "cam_out_SOLS",
    "cam_out_SOLL",
    "cam_out_SOLSD",
    "cam_out_SOLLD",
)
"""Targets with one value a column of air."""

UNITS = {
    "state_t": "K",
    **dict.fromkeys(("state_q0001", "state_q0002", "state_q0003"), "kg/kg"),
    **dict.fromkeys(("state_u", "state_v"), "m/s"),
    "state_ps": "Pa",
    "state_pmid": "Pa",
    **dict.fromkeys(("pbuf_SOLIN", "pbuf_LHFLX", "pbuf_SHFLX", "cam_in_LWUP"), "W/m2"),
    **dict.fromkeys(("pbuf_TAUX", "pbuf_TAUY"), "N/m2"),
    "pbuf_COSZRS": "1",
    **dict.fromkeys(("cam_in_ALDIF", "cam_in_ALDIR", "cam_in_ASDIF", "cam_in_ASDIR"), "1"),
    **dict.fromkeys(("cam_in_ICEFRAC", "cam_in_LANDFRAC", "cam_in_OCNFRAC"), "1"),
    **dict.fromkeys(("cam_in_SNOWHLAND", "cam_in_SNOWHICE"), "m"),
    **dict.fromkeys(("pbuf_ozone", "pbuf_CH4", "pbuf_N2O"), "mol/mol"),
    "ptend_t": "K/s",
    **dict.fromkeys(("ptend_q0001", "ptend_q0002", "ptend_q0003"), "kg/kg/s"),
    **dict.fromkeys(("ptend_u", "ptend_v"), "m/s2"),
    **dict.fromkeys(("cam_out_PRECSC", "cam_out_PRECC"), "m/s"),
    **dict.fromkeys(
        ("cam_out_NETSW", "cam_out_FLWDS", "cam_out_SOLS", "cam_out_SOLL", "cam_out_SOLSD", "cam_out_SOLLD"), "W/m2"
    ),
}


def spread(variables: tuple[str, ...], series: tuple[str, ...]) -> tuple[str, ...]:
    """Column names of some variables: ``name_0`` to ``name_59`` for those with levels, the name itself for others."""
    return tuple(
        column
        for name in variables
        for column in ([f"{name}_{level}" for level in range(LEVELS)] if name in series else [name])
    )


INPUTS = spread(INPUT_VARIABLES, SERIES)
"""The 556 inputs of train.csv and test.csv."""
TARGETS = spread((*TENDENCIES, *SURFACE), TENDENCIES)
"""The 368 targets of train.csv and sample_submission.csv."""

GROUPS = np.array([*(name for name in TENDENCIES for _ in range(LEVELS)), *(["cam_out"] * len(SURFACE))])
"""(368,) The seven groups that targets are fine-tuned and blended in."""

ZERO = np.array([name in {f"{series}_{level}" for series in TENDENCIES[1:] for level in range(12)} for name in TARGETS])
"""(368,) bool. Levels 0 to 11 of q0001, q0002, q0003, u and v: 60 columns that count as zero."""

EXACT_LEVELS = slice(12, 28)
"""Levels at which all cloud liquid is removed in a step: ptend_q0002 = -state_q0002 / STEP, in float64."""
EXACT_INPUTS = np.arange(INPUTS.index("state_q0002_12"), INPUTS.index("state_q0002_27") + 1)
"""(16,) Columns of INPUTS that the exact targets come from."""
EXACT_TARGETS = np.arange(TARGETS.index("ptend_q0002_12"), TARGETS.index("ptend_q0002_27") + 1)
"""(16,) Columns of TARGETS that are known exactly."""
