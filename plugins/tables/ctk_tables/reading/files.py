"""Which of a folder's files are the training table, the test table and the sample submission."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ctk.errors import DataError, nearest
from ctk_tables.description import TableFile
from ctk_tables.reading.archives import StoredFile, list_files
from ctk_tables.reading.dialects import sniff

TEXT = (".csv", ".tsv", ".txt", ".tab", ".psv")
PARQUET = (".parquet", ".pq")
PACKED = (".gz", ".bz2", ".xz", ".zip")
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
"""Words of a name: ``sampleSubmission`` has two, as ``sample_submission`` has."""
WORDS = {"train": ("train", "training", "trn"), "test": ("test", "testing", "tst")}
SUBMISSION = ("submission", "submissions", "submit", "sub")
"""``gender_submission`` of Titanic is one too."""
EXACT = {
    "train": ("train", "training", "traindata", "trainingdata", "trainset", "trainingset"),
    "test": ("test", "testing", "testdata", "testset"),
    "sample": ("samplesubmission", "samplesub", "submissionsample", "samplesubmissionfile", "submissionformat"),
}
"""Names, without what is between words, that leave no doubt."""
CALLED = {"train": "the training table", "test": "the test table", "sample": "the sample submission"}


@dataclass(frozen=True)
class TableFiles:
    """The files of a competition.

    others  by "train", "test" and "sample": further files whose names would do too
    """

    train: TableFile
    test: TableFile
    sample: TableFile | None
    others: dict[str, tuple[str, ...]]


def find_files(
    folder: Path, train: str | None = None, test: str | None = None, sample: str | None = None
) -> TableFiles:
    """Find the tables of a folder by their names: CSV, TSV or Parquet, alone, packed, or in a zip that holds all.

    Loose files come before members of archives, and those of the folder itself before those of folders in it.
    A path that is given is taken. Raises DataError where a table is missing, or two could be it.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "there is no such folder"
        raise DataError(f"{folder}: {what}.", "Name the folder that train, test and sample submission lie in.")
    stored = [each for each in list_files(folder) if _suffix(each.path)]
    chosen: dict[str, StoredFile | None] = {}
    others: dict[str, tuple[str, ...]] = {}
    for role, path in (("train", train), ("test", test), ("sample", sample)):
        chosen[role], others[role] = _choose(folder, stored, role, path)
    tables = {
        role: TableFile(path=each.path, dialect=sniff(folder, each.path)) for role, each in chosen.items() if each
    }
    return TableFiles(tables["train"], tables["test"], tables.get("sample"), others)


def role_of(path: str) -> str | None:
    """Tell by its name what a file could be: "train", "test", "sample" or nothing."""
    words = [word.lower() for word in WORD.findall(_stem(path))]
    if "".join(words) in EXACT["sample"] or any(word in SUBMISSION for word in words):
        return "sample"
    if "sample" in words and not {*WORDS["train"], *WORDS["test"]} & {*words}:
        return "sample"
    fits = [role for role, known in WORDS.items() if any(word in known for word in words)]
    return fits[0] if len(fits) == 1 else None


def _choose(
    folder: Path, stored: Sequence[StoredFile], role: str, path: str | None
) -> tuple[StoredFile | None, tuple[str, ...]]:
    """Return the file of a role, and paths of others that could be it."""
    if path is not None:
        match = [each for each in stored if each.path == path] or [each for each in stored if each.name == path]
        if not match:
            raise DataError(f"{folder}: there is no {path} in it.", nearest(path, [e.path for e in stored], "tables"))
        return match[0], ()
    fits = [each for each in stored if role_of(each.path) == role]
    best = min(map(_depth, fits), default=0)
    near = [each for each in fits if _depth(each) == best]
    exact = [each for each in near if "".join(WORD.findall(_stem(each.path))).lower() in EXACT[role]]
    candidates = exact or near
    if len(candidates) > 1:
        names = [each.path for each in candidates]
        raise DataError(
            f"{folder}: {', '.join(names[:-1])} and {names[-1]} could each be {CALLED[role]}.",
            f"Say which it is: --{role} {names[0]}",
        )
    if not candidates:
        if role == "sample":
            return None, ()
        there = ", ".join(each.path for each in stored[:8]) or "no table"
        raise DataError(f"{folder}: {CALLED[role]} is missing; there is {there}.", f"Name it: --{role} FILE")
    return candidates[0], tuple(each.path for each in near if each is not candidates[0])


def _depth(each: StoredFile) -> tuple[bool, int]:
    parts = PurePosixPath(each.path).parts
    packed = any(part.lower().endswith(".zip") for part in parts[:-1]) or parts[-1].lower().endswith(PACKED)
    return packed, len(parts)


def _suffix(path: str) -> str:
    """Suffix of a table, as ``.csv`` of ``train.csv.gz``; empty for other files."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    while suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in (*TEXT, *PARQUET) else ""


def _stem(path: str) -> str:
    name, suffix = PurePosixPath(path).name, _suffix(path)
    return name[: name.lower().rindex(suffix)] if suffix else name
