"""The data of a run without --data: 40,000 synthetic columns, made once and kept in the cache."""

from __future__ import annotations

from pathlib import Path

from ctk.files import cache_folder
from ctk_leap_climsim.synthetic import files
from ctk_leap_climsim.synthetic.build import Build, Progress

COLUMNS, SEED = 40_000, 0


def folder(progress: Progress | None = None) -> Path:
    """Folder of the default data, in ClimSim's layout; made in the cache if it is not there yet (a minute or two).

    A killed build goes on where it was. Several processes may call this at once: they make the same files, and each
    skips what another has made. Raises CtkError where climt is not installed or the cache has no room.
    """
    name = f"default-v{files.VERSION}-{COLUMNS}-{SEED}"
    build = Build(columns=COLUMNS, seed=SEED, out=cache_folder() / "leap-climsim" / name, workers=0)
    build.run(progress or (lambda what, done, total: None))
    return build.out
