"""Five captions of a frame, of which one is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ctk.samples import Array, Samples
from ctk_supertux.competitions.base import SuperTux

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ctk.contract import Results, Section


class TuxCLIP(SuperTux):
    """SuperTuxKart CLIP (UT Austin, homework 4): which of five captions is true of a frame."""

    id = "tux-clip"
    title = "SuperTuxKart CLIP"
    metric = "choice-accuracy"
    headline = ("choice-accuracy",)
    reader = "tux-clip"
    part = "clip"

    def evaluate(self, prediction: Array, samples: Samples) -> dict[str, float]:
        """Accuracy of the highest score, by kind of the right caption, and recall."""
        from ctk_supertux.evaluation import evaluate_choices

        return evaluate_choices(prediction, samples)

    def read_truth(self, path: Path) -> Samples:
        """The graded choices of a homework folder, or of a JSON file in one."""
        from ctk_supertux.reading.choices import TuxChoiceReader

        return TuxChoiceReader().truth(path)

    def data_verbs(self) -> Mapping[str, type[BaseModel]]:
        """Generating, checking and comparing captions."""
        from ctk_supertux.data_verbs.against import AgainstCaptions
        from ctk_supertux.data_verbs.check import CheckCaptions
        from ctk_supertux.data_verbs.generate import GenerateCaptions

        return {"generate": GenerateCaptions, "check": CheckCaptions, "against": AgainstCaptions}

    def report(self, results: Results) -> Sequence[Section]:
        """Frames with their five captions and scores."""
        from ctk_supertux import report

        return report.choices(results)
