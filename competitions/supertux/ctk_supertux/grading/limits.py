"""Limits of the grader that may be chosen: ``ctk score ... -o seconds=300``."""

from __future__ import annotations

from pydantic import Field

from ctk.contract import Strict


class GraderLimits(Strict):
    """The course's are the defaults; its machine has a GPU, and yours may be slower."""

    seconds: float = Field(60.0, gt=0, description="that each case may take, after the bundle's code was imported")
    parameters: int = Field(300_000_000, gt=0, description="that a loaded network may have")
