"""The data of a run without --data: a synthetic pasture, drawn once into the cache."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ctk.contract import Progress
from ctk.files import cache_folder, date_files, made_over_time

IMAGES, TEST = 300, 100
PROGRAM = Path(__file__).parent / "pasture"


def folder(progress: Progress = lambda what, done, total: None) -> Path:
    """The folder of the drawn pictures, named after the program that draws them; made if it is not there yet.

    Who calls this while another process draws waits for it.
    """
    from ctk_csiro_biomass.pasture import write_pasture

    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(PROGRAM.glob("*.py")))).hexdigest()[:12]
    place = cache_folder() / "csiro-biomass" / f"default-{digest}"
    if not place.is_dir():
        with made_over_time(place) as making:
            if making is not None:
                write_pasture(making, IMAGES, TEST, progress=progress)
                date_files(making, int(digest[:8], 16))  # which says what drew them
    return place
