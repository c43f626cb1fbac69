"""A folder that predicts with a finished run's members where there is no network."""

from ctk.packing.pack_run import PackedRun, pack_run
from ctk.packing.size_limit import LIMIT, parse_size, shown_size
from ctk.packing.target_image import PLATFORM, PYTHON, TargetImage

__all__ = ["LIMIT", "PLATFORM", "PYTHON", "PackedRun", "TargetImage", "pack_run", "parse_size", "shown_size"]
