"""The data of a run without --data: scenes of a game, unpacked once into the cache."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ctk.contract import Progress
from ctk.files import cache_folder, date_files, made_over_time

PACKED = Path(__file__).parent / "data"


def folder(progress: Progress = lambda what, done, total: None) -> Path:
    """The folder of the unpacked scenes, named after what was packed; made if it is not there yet.

    Who calls this while another process unpacks waits for it.
    """
    from ctk_atmacup_18 import embedded

    packed = sorted(path for path in PACKED.rglob("*") if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in packed)).hexdigest()[:12]
    place = cache_folder() / "atmacup-18" / f"default-{digest}"
    if not place.is_dir():
        with made_over_time(place) as making:
            if making is not None:
                embedded.unpack(making, progress)
                date_files(making, int(digest[:8], 16))  # which says what they were unpacked from
    return place
