"""The data of a run without --data: scenes of a game, unpacked once into the cache."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ctk.contract import Progress
from ctk.data import unpacked_once

PACKED = Path(__file__).parent / "data"


def folder(progress: Progress = lambda what, done, total: None) -> Path:
    """The folder of the unpacked scenes, made if it is not there yet."""
    from ctk_atmacup_18 import embedded

    return unpacked_once("atmacup-18", PACKED, partial(embedded.unpack, progress=progress))
