"""What may be chosen of a bundle in a config."""

from __future__ import annotations

from pydantic import Field

from ctk.contract import FinishedRun, Strict


class BundleParts(Strict):
    """The run that the bundle's other part comes from; a bundle without it has no points for that part."""

    vlm: FinishedRun = Field(None, description="finished run of tux-vlm whose model answers, for a run of tux-clip")
    clip: FinishedRun = Field(None, description="finished run of tux-clip whose model chooses, for a run of tux-vlm")
