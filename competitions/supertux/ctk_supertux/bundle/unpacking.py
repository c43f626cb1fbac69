"""A stranger's bundle brought into a folder of ours: no path leaves it, no link is made, nothing is too large."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath

from ctk.errors import SubmissionError
from ctk_supertux.bundle.layout import LIMIT, MB, SKIPPED, TOP, UNPACKED


def unpack(path: Path, place: Path) -> Path:
    """Bring a bundle into an empty folder: a zip unpacked, a folder copied. Returns the folder TOP in it.

    path  a zip; a folder that is TOP, whatever it is called; or one that holds it
    Raises SubmissionError naming the entry that is wrong, before anything is written.
    """
    if path.is_dir():
        return _copy(path, place)
    if not path.is_file():
        raise SubmissionError(f"{path}: there is no such file.", "Give a zip, or the folder that it is made of.")
    try:
        with zipfile.ZipFile(path) as archive:
            check_entries(path, archive.infolist())
            archive.extractall(place)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, UnicodeError) as error:
        raise SubmissionError(f"{path}: cannot be unpacked ({error}).", "Is it a zip, and whole?") from error
    return place / TOP


def check_entries(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Raise SubmissionError for a zip that a grader would not unpack, or that should not be unpacked at all."""
    if (size := path.stat().st_size) > LIMIT:
        raise SubmissionError(
            f"{path}: has {size / MB:.1f} MB, and a bundle may have {LIMIT / MB:.0f}.",
            "Leave out checkpoints, and what a trainer logged.",
        )
    for entry in entries:
        name = PurePosixPath(entry.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in entry.filename or ":" in entry.filename:
            help = f"Every name in it begins with {TOP}/ and goes down."
            raise SubmissionError(f"{path}, {entry.filename}: leads out of its folder.", help)
        if (kind := stat.S_IFMT(entry.external_attr >> 16)) not in (0, stat.S_IFREG, stat.S_IFDIR):
            what = "a link" if kind == stat.S_IFLNK else "no file"
            raise SubmissionError(f"{path}, {entry.filename}: is {what}.", "A bundle holds files alone.")
    tops = sorted({PurePosixPath(entry.filename).parts[0] for entry in entries if entry.filename.strip("/")})
    loose = [entry.filename for entry in entries if "/" not in entry.filename]
    if tops != [TOP] or loose:
        found = ", ".join(loose[:1] or tops[:3]) or "nothing"
        problem = f"{path}: has {found} at its top, and the one folder {TOP}/ belongs there."
        raise SubmissionError(problem, "Zip that folder alone.")
    if (whole := sum(entry.file_size for entry in entries)) > UNPACKED:
        largest = max(entries, key=lambda entry: entry.file_size)
        raise SubmissionError(
            f"{path}, {largest.filename}: has {largest.file_size / MB:,.0f} MB unpacked, all together"
            f" {whole / MB:,.0f}; {UNPACKED / MB:,.0f} are taken.",
        )
    twice = [name for name, count in Counter(entry.filename for entry in entries).items() if count > 1]
    if twice:
        raise SubmissionError(f"{path}, {twice[0]}: is there twice.", "Zip the folder anew.")


def _copy(path: Path, place: Path) -> Path:
    """Copy a folder as the course's script would pack it."""
    inside = path / TOP
    source = inside if inside.is_dir() else path
    if not (source / "__init__.py").is_file():
        raise SubmissionError(f"{path}: holds no {TOP}/__init__.py.", "Give the folder homework, or one that holds it.")
    shutil.copytree(source, place / TOP, ignore=shutil.ignore_patterns(*SKIPPED))
    return place / TOP
