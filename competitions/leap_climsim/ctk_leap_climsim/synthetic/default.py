"""The data of a run without --data: 40,000 synthetic columns, made once and kept in the cache."""

from __future__ import annotations

from pathlib import Path

from ctk.contract import Progress
from ctk.files import cache_folder, made_over_time
from ctk_leap_climsim.synthetic import files
from ctk_leap_climsim.synthetic.build import Build

COLUMNS, SEED = 40_000, 0


def folder(progress: Progress = lambda what, done, total: None) -> Path:
    """Folder of the default data, in ClimSim's layout; made in the cache if it is not there yet, in a minute or two.

    A killed build goes on where it was; who calls this while another process builds waits for it. Raises CtkError where
    climt is not installed or the cache has no room.
    """
    place = cache_folder() / "leap-climsim" / f"default-v{files.VERSION}-{COLUMNS}-{SEED}"
    if not place.is_dir():
        with made_over_time(place) as making:
            if making is not None:
                Build(columns=COLUMNS, seed=SEED, out=making, workers=0).run(progress)
    return place
