"""What may be chosen of a bundle in a config: the run that its other part comes from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ctk.contract import RunOf, Strict


class AnsweringPart(Strict):
    """Of a run of tux-clip."""

    vlm: Annotated[str | None, RunOf("tux-vlm")] = Field(
        None, description="finished run of tux-vlm whose model answers"
    )


class ChoosingPart(Strict):
    """Of a run of tux-vlm."""

    clip: Annotated[str | None, RunOf("tux-clip")] = Field(
        None, description="finished run of tux-clip whose model chooses"
    )


OTHER_PART: dict[str, type[Strict]] = {"vlm": ChoosingPart, "clip": AnsweringPart}
"""The schema of the config's ``submission``, by whose run it is."""
