"""Reading files of others and keeping arrays larger than memory."""

from __future__ import annotations

from ctk.data.npz import Npz, checksums, not_finite
from ctk.data.pictures import open_picture
from ctk.data.samples_writer import SamplesWriter, linked
from ctk.data.scratch_array import scratch

__all__ = [
    "Npz",
    "SamplesWriter",
    "checksums",
    "linked",
    "not_finite",
    "open_picture",
    "scratch",
]
