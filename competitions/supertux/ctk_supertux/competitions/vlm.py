"""Questions about a frame, answered in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ctk.samples import Array, Samples
from ctk_supertux.competitions.base import SuperTux

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ctk.contract import Results, Section


class TuxVLM(SuperTux):
    """SuperTuxKart VLM (UT Austin, homework 4): a question about a frame, answered in words."""

    id = "tux-vlm"
    title = "SuperTuxKart VLM"
    metric = "answer-accuracy"
    headline = ("answer-accuracy", "exact-accuracy")
    reader = "tux-vlm"
    part = "vlm"

    def evaluate(self, prediction: Array, samples: Samples) -> dict[str, float]:
        """Accuracy by the grader's rule and of whole answers, by family and by number of karts."""
        from ctk_supertux.evaluation import evaluate_answers

        return evaluate_answers(prediction, samples)

    def read_truth(self, path: Path) -> Samples:
        """The graded questions of a homework folder, or of a JSON file in one."""
        from ctk_supertux.reading.questions import TuxQuestionReader

        return TuxQuestionReader().truth(path)

    def data_verbs(self) -> Mapping[str, type[BaseModel]]:
        """Generating, checking and comparing questions."""
        from ctk_supertux.data_verbs.against import AgainstQuestions
        from ctk_supertux.data_verbs.check import CheckQuestions
        from ctk_supertux.data_verbs.generate import GenerateQuestions

        return {"generate": GenerateQuestions, "check": CheckQuestions, "against": AgainstQuestions}

    def report(self, results: Results) -> Sequence[Section]:
        """Frames with questions and answers, counts that were confused, accuracy by family and number of karts."""
        from ctk_supertux import report

        return report.answers(results)
