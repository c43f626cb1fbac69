"""``--against FILE``: which rows of somebody's file agree with the label rules."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from ctk.contract import Progress, Strict
from ctk.data import FileListings
from ctk_supertux.columns import CAPTIONS
from ctk_supertux.labels import Statements, Views, ask, caption
from ctk_supertux.reading.choices import read_choices
from ctk_supertux.reading.folder import GET, HomeworkFolder, NamedPictures
from ctk_supertux.reading.questions import read_pairs
from ctk_supertux.reading.records import CaptionRecord, read_records


class Against(Strict):
    """What both have in common: each row is looked up among all that can be said of its view."""

    against: Path = Field(description="The file.")
    data: Path | None = Field(None, description="The data folder that its pictures lie in; else two folders up.")

    def run(self, progress: Progress) -> list[str]:
        """Tell how many rows agree, and each that does not. Raises DataError."""
        home = HomeworkFolder(self.data or self.against.resolve().parent.parent, FileListings(GET))
        return list(self.compare(home))

    @abstractmethod
    def compare(self, home: HomeworkFolder) -> Iterator[str]:
        """Lines for people."""


class AgainstQuestions(Against):
    """Compare the answers of a file of questions, such as valid_grader/balanced_qa_pairs.json, with the label rules."""

    def compare(self, home: HomeworkFolder) -> Iterator[str]:
        """How many answers agree, then those that do not."""
        pairs = read_pairs([self.against])
        if pairs.answer is None:
            yield f"{self.against}: has no answers, so there is nothing to compare."
            return
        known = home.known(pairs.pictures)
        ours = _by_view(ask(known.views, zeros=True), known.views)
        wrong: list[str] = []
        unlabelled = 0
        asked = zip(pairs.question.tolist(), pairs.answer.tolist(), strict=True)
        for row, (question, answer) in enumerate(asked, start=1):
            picture = int(pairs.pictures.of[row - 1])
            if known.rows[picture] < 0:
                unlabelled += 1
                continue
            right = ours[known.rows[picture]].get(question)
            if right is None:
                wrong.append(f"row {row:,}, {pairs.pictures.files[picture]}: {question!r} is asked of no such view")
            elif right != answer:
                wrong.append(f"row {row:,}, {pairs.pictures.files[picture]}: {question} {answer!r}, and not {right!r}")
        yield from _told(self.against, len(pairs.answer), unlabelled, wrong, "answers")


class AgainstCaptions(Against):
    """Compare captions, or choices such as valid_grader/all_mc_qas.json, with the label rules."""

    def compare(self, home: HomeworkFolder) -> Iterator[str]:
        """How many captions are true and how many wrong candidates too, then those that are not as they should be."""
        if self.against.name.endswith(CAPTIONS):
            records = read_records(self.against, CaptionRecord)
            pictures = NamedPictures.named([record.image_file for record in records], self.against)
            said, others = [record.caption for record in records], np.empty((len(records), 0), str)
        else:
            choices = read_choices(self.against)
            pictures, right = choices.pictures, choices.right
            if right is None:
                yield f"{self.against}: says nowhere which candidate is right, so there is nothing to compare."
                return
            said = choices.candidates[np.arange(len(right)), right].tolist()
            others = choices.candidates
        known = home.known(pictures)
        ours = _by_view(caption(known.views), known.views)
        wrong: list[str] = []
        true: list[str] = []
        unlabelled = 0
        for row, text in enumerate(said, start=1):
            picture = int(pictures.of[row - 1])
            if known.rows[picture] < 0:
                unlabelled += 1
                continue
            here = f"row {row:,}, {pictures.files[picture]}"
            held = ours[known.rows[picture]]
            if text not in held:
                wrong.append(f"{here}: {text!r} is not true")
            more = [each for each in others[row - 1].tolist() if each in held and each != text]
            true += [f"{here}: {each!r} is true beside {text!r}" for each in more[:1]]
        yield from _told(self.against, len(said), unlabelled, wrong, "captions")
        if true:
            yield f"{len(true):,} rows have a wrong candidate that is true as well:"
            yield from true


def _by_view(statements: Statements, views: Views) -> Sequence[dict[str, str]]:
    """All that is said of each view: answers by text."""
    found: list[dict[str, str]] = [{} for _ in range(len(views))]
    for view, text, answer in zip(
        *(each.tolist() for each in (statements.view, statements.text, statements.answer)), strict=True
    ):
        found[view][statements.texts[text]] = statements.answers[answer]
    return found


def _told(path: Path, rows: int, unlabelled: int, wrong: Sequence[str], what: str) -> Iterator[str]:
    compared = rows - unlabelled
    yield f"{path}: {compared - len(wrong):,} of {compared:,} {what} agree with the labels"
    if unlabelled:
        yield f"{unlabelled:,} rows are about pictures without labels here, and were not compared"
    yield from wrong
