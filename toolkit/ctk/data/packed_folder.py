"""The embedded data of a competition that comes as an archive: unpacked once, into the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from ctk.files import cache_folder, date_files, made_over_time


def unpacked_once(competition: str, packed: Path, unpack: Callable[[Path], None]) -> Path:
    """Give the folder that ``unpack`` fills with what a package carries, named after the bytes below ``packed``.

    It is made if it is not there yet; who calls this while another process unpacks waits for it. What a killed process
    has begun there is to be written over. The files are dated by what they were unpacked from, so that readers tell
    them from others by size and time.
    """
    files = sorted(path for path in packed.rglob("*") if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    place = cache_folder() / competition / f"default-{digest}"
    if not place.is_dir():
        with made_over_time(place) as making:
            if making is not None:
                unpack(making)
                date_files(making, int(digest[:8], 16))
    return place
