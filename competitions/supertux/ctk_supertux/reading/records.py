"""Records of the homework's JSON lists, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ctk.errors import DamagedError, DataError
from ctk.files import reading

MEND = "Take the homework's own file, or make one with `ctk data tux-vlm --generate`."


@dataclass(slots=True)
class PairRecord:
    """A question about a picture; the answer is missing where it is secret."""

    question: str
    image_file: str
    answer: str | None = None


@dataclass(slots=True)
class CaptionRecord:
    """A caption that is true of a picture."""

    image_file: str
    caption: str


@dataclass(slots=True)
class ChoiceRecord:
    """Captions of a picture, one of which is true; which one is missing where it is secret."""

    image_file: str
    candidates: list[str]
    correct_index: int | None = None


R = TypeVar("R")


def read_records(path: Path, kind: type[R]) -> list[R]:
    """Read a list of records; keys that are not read may stand beside.

    Raises DataError naming file, row and key.
    """
    try:
        with reading(path, MEND) as file:
            content = file.read()
    except DamagedError as error:
        raise DataError(error.problem, MEND) from error
    try:
        records: list[R] = TypeAdapter(list[kind]).validate_json(content)  # type: ignore[valid-type]
    except ValidationError as error:
        first: Any = error.errors(include_url=False)[0]
        row, *keys = first["loc"] or ("",)
        where = f", row {row + 1:,}" if isinstance(row, int) else ""
        key = f", {'.'.join(map(str, keys))}" if keys else ""
        raise DataError(f"{path}{where}{key}: {first['msg']}.", MEND) from None
    if not records:
        raise DataError(f"{path}: there are no records.", MEND)
    return records
