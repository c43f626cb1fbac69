"""``ctk data tux-vlm --generate`` and its like of captions: training files out of info files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from ctk.contract import Progress
from ctk.errors import DataError, UsageError
from ctk_supertux.columns import CAPTIONS, GRADED, PAIRS, TRAIN, VALID
from ctk_supertux.labels import (
    Sampling,
    Statements,
    Views,
    ask,
    caption,
    draw,
    draw_views,
    label_files,
    list_infos,
    write_captions,
    write_graded,
    write_pairs,
)


class Generate(Sampling):
    """What both have in common: the train folder becomes statements about its views."""

    suffix: ClassVar[str]
    """How a file's name ends."""

    data: Path | None = Field(None, description="The homework's data folder.")
    out: Path | None = Field(None, description="File or folder to write to, instead of the data's train folder.")
    graded: bool = Field(False, description="Make both graded files about the views of valid/ instead.")

    def run(self, progress: Progress) -> list[str]:
        """Write the file, and tell what is in it. Raises DataError, UsageError."""
        if self.data is None:
            raise UsageError("--generate reads the homework's folder.", "Give it with --data DIR.")
        if self.graded:
            return self._write_graded(self.data, progress)
        path = self._path(self.data)
        views = label_files(list_infos(self.data / TRAIN), _labelling(progress))
        pictures = views.pictures(TRAIN)
        there = {f"{TRAIN}/{file.name}" for file in (self.data / TRAIN).iterdir()}
        has_picture = np.array([picture in there for picture in pictures])
        rows = self.state(views)
        rows = rows.take((draw_views(len(views), self) & has_picture)[rows.view])
        rows = rows.take(draw(rows, self))
        if not len(rows):
            raise DataError(f"{self.data / TRAIN}: has no view with a picture and a kart.", "Is it the whole folder?")
        self.write(path, rows, pictures)
        shares = np.bincount(rows.family, minlength=len(rows.families)).tolist()
        said = ", ".join(f"{count:,} {family}" for family, count in zip(rows.families, shares, strict=True))
        lines = [f"{path}: {len(rows):,} records about {len(np.unique(rows.view)):,} pictures: {said}", *views.notes]
        if missing := int((~has_picture).sum()):
            first = pictures[int(np.argmin(has_picture))]
            lines.append(f"{missing:,} views have no picture, such as {first}, and nothing is said about them")
        beside = sorted(each.name for each in path.parent.glob(f"*{self.suffix}") if each != path)
        return lines + ([f"readers also read {', '.join(beside)}, which lies beside it"] if beside else [])

    @abstractmethod
    def state(self, views: Views) -> Statements:
        """All that can be said."""

    @abstractmethod
    def write(self, path: Path, rows: Statements, pictures: Sequence[str]) -> None:
        """Write what was drawn of it."""

    def _path(self, data: Path) -> Path:
        where = self.out or data / TRAIN
        if where.suffix != ".json":
            return where / f"generated{self.suffix}"
        if not where.name.endswith(self.suffix):
            raise UsageError(f"{where}: no reader would find it.", f"Its name has to end with {self.suffix}.")
        return where

    def _write_graded(self, data: Path, progress: Progress) -> list[str]:
        views = label_files(list_infos(data / VALID), _labelling(progress))
        place = self.out or data / GRADED
        if any(place.glob("*.json")):
            raise DataError(f"{place}: has graded files already.", "Give another folder with --out.")
        questions, choices = write_graded(place, views, views.pictures(VALID), seed=self.seed)
        return [f"{place}: {questions:,} questions and {choices:,} choices about views of {VALID}/", *views.notes]


class GenerateQuestions(Generate):
    """Write train/generated_qa_pairs.json, questions and answers of the five families, or graded files.

    All questions of all views where nothing else is asked for; see --views, --limit, --balance.
    """

    suffix: ClassVar[str] = PAIRS

    def state(self, views: Views) -> Statements:
        """Every question with its answer."""
        return ask(views, self.zeros)

    def write(self, path: Path, rows: Statements, pictures: Sequence[str]) -> None:
        """A record a question."""
        write_pairs(path, rows, pictures)


class GenerateCaptions(Generate):
    """Write train/generated_captions.json, captions in the graded file's words, or graded files.

    All captions of all views where nothing else is asked for; see --views, --limit, --balance.
    """

    suffix: ClassVar[str] = CAPTIONS

    def state(self, views: Views) -> Statements:
        """Every caption that is true."""
        return caption(views)

    def write(self, path: Path, rows: Statements, pictures: Sequence[str]) -> None:
        """A record a caption."""
        write_captions(path, rows, pictures)


def _labelling(progress: Progress) -> Callable[[int, int], None]:
    return lambda done, total: progress("labelling frames", done, total)
