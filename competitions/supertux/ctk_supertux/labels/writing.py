"""Statements as the homework's JSON files, written as they are made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from ctk.files import atomic
from ctk.samples import Array
from ctk_supertux.labels.statements import Statements

BLOCK = 1 << 16
"""Records that are text at once."""
Part = tuple[str, Sequence[str], Array]
"""What stands before a value of a record, the values there are, and the place (M,) int64 of each record's value."""


def write_pairs(path: Path, questions: Statements, pictures: Sequence[str]) -> None:
    """Write a list of {question, answer, image_file}, a record a line; ``pictures`` are the views' files."""
    text = ('{"question": ', questions.texts, questions.text)
    answer = (', "answer": ', questions.answers, questions.answer)
    _write(path, [text, answer, (', "image_file": ', pictures, questions.view)])


def write_captions(path: Path, captions: Statements, pictures: Sequence[str]) -> None:
    """Write a list of {image_file, caption}, a record a line; ``pictures`` are the views' files."""
    picture = ('{"image_file": ', pictures, captions.view)
    _write(path, [picture, (', "caption": ', captions.texts, captions.text)])


def _write(path: Path, parts: Sequence[Part]) -> None:
    """Each value becomes JSON once, with what stands before it, and a record is its parts' texts one after another."""
    ends = [b""] * (len(parts) - 1) + [b"},\n"]
    pieces = [
        np.array([before.encode() + msgspec.json.encode(value) + end for value in values] or [b""], object)
        for (before, values, _), end in zip(parts, ends, strict=True)
    ]
    records = len(parts[0][2])
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary, temporary.open("wb") as file:
        file.write(b"[\n")
        for start in range(0, records, BLOCK):
            places = [places[start : start + BLOCK] for _, _, places in parts]
            columns = [texts[at] for texts, at in zip(pieces, places, strict=True)]
            text = b"".join(np.stack(columns, axis=1).ravel().tolist())
            file.write(text if start + BLOCK < records else text[: -len(b",\n")])
        file.write(b"\n]\n")
