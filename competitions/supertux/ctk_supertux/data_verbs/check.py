"""``--check INFO --view K``: a view drawn with its boxes and everything that is said of it."""

from __future__ import annotations

import shutil
import sys
from abc import abstractmethod
from pathlib import Path

from pydantic import Field

from ctk.contract import Progress, Strict
from ctk.data import open_picture
from ctk.errors import UsageError
from ctk_supertux.check_picture import SHOWN, draw_check, for_terminal
from ctk_supertux.columns import WIDTH
from ctk_supertux.labels import Views, ask, caption, frame_of, label_frames, read_info


class Check(Strict):
    """What both have in common: one view of an info file."""

    check: Path = Field(description="The info file.")
    view: int = Field(0, ge=0, description="Which of its views.")
    out: Path | None = Field(None, description="PNG to write; FRAME_VIEW_check.png where nothing is said.")
    data: Path | None = Field(None, description="Not needed: pictures lie beside the info file.")

    def run(self, progress: Progress) -> list[str]:
        """Draw it, and say the same in lines. Raises DataError, UsageError."""
        info, frame = read_info(self.check), frame_of(self.check)
        if self.view >= len(info.detections):
            raise UsageError(f"{self.check}: has views 0 to {len(info.detections) - 1}, and no {self.view}.")
        views = label_frames([(self.check, info)])
        picture = open_picture(self.check.parent / f"{frame}_{self.view:02d}_im.jpg")
        lines = self.lines(views)
        out = self.out or Path(f"{frame}_{self.view:02d}_check.png")
        drawn = draw_check(picture, views, self.view, info.detections[self.view], lines)
        drawn.save(out, "PNG")
        wide = sys.stdout.isatty() and shutil.get_terminal_size().columns >= WIDTH
        shown = for_terminal(drawn.crop((0, 0, *SHOWN))) if wide else []
        nothing = ["no kart counts in this view, and nothing is asked about it"]
        return [*shown, *(lines or nothing), *views.notes, f"drawn to {out}"]

    @abstractmethod
    def lines(self, views: Views) -> list[str]:
        """What is said of the view."""


class CheckQuestions(Check):
    """Draw a view with boxes, names, the ego mark and every question with its answer (PNG)."""

    def lines(self, views: Views) -> list[str]:
        """Questions with answers."""
        asked = ask(views, zeros=True)
        asked = asked.take(asked.view == self.view)
        rows = zip(asked.text.tolist(), asked.answer.tolist(), strict=True)
        return [f"{asked.texts[text]}  {asked.answers[answer]}" for text, answer in rows]


class CheckCaptions(Check):
    """Draw a view with boxes, names, the ego mark and every caption that is true of it (PNG)."""

    def lines(self, views: Views) -> list[str]:
        """Captions."""
        said = caption(views)
        return [said.texts[text] for text in said.text[said.view == self.view].tolist()]
