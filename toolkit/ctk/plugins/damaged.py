"""Damaged metadata of an installed distribution, mended as far as taking it out again needs.

pip and uv stop, or pass it over, where a file of a ``.dist-info`` folder is missing or cannot be read; then the
distribution could not be uninstalled, and with it not a broken plugin.
"""

from __future__ import annotations

import configparser
import csv
import sys
from collections.abc import Callable, Iterator
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import canonicalize_name

from ctk.errors import CtkError
from ctk.files import explain, write_text


def metadata_folder(name: str) -> Path | None:
    """The ``.dist-info`` (or ``.egg-info``) of an installed distribution, by the folder's name alone; None without."""
    wanted = canonicalize_name(name)
    for place in sys.path:
        for pattern in ("*.dist-info", "*.egg-info", "*.egg-link"):
            for path in Path(place or ".").glob(pattern):
                if canonicalize_name(path.stem.partition("-")[0]) == wanted:
                    return path
    return None


def mend(folder: Path) -> list[str]:
    """Write anew what is missing or unreadable in a ``.dist-info``; returns a sentence for each file.

    Raises CtkError where the folder cannot be written.
    """
    if folder.suffix != ".dist-info":
        return []
    done = []
    try:
        if not _readable(folder / "METADATA", _metadata):
            name, _, version = folder.stem.partition("-")
            write_text(folder / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version or '0'}\n")
            done.append(f"{folder / 'METADATA'} could not be read and was written anew.")
        if (folder / "entry_points.txt").exists() and not _readable(folder / "entry_points.txt", _entry_points):
            write_text(folder / "entry_points.txt", "")
            done.append(f"{folder / 'entry_points.txt'} could not be read and was emptied.")
        if not _readable(folder / "RECORD", _record):
            write_text(folder / "RECORD", "".join(f"{line}\n" for line in _own_files(folder)))
            done.append(
                f"{folder / 'RECORD'}, the list of its files, could not be read: ctk will not see it any more, but "
                f"what it has beside its metadata stays in {folder.parent}."
            )
    except OSError as error:
        if isinstance(told := explain(error, folder), CtkError):
            raise told from error
        raise
    return done


def _own_files(folder: Path) -> Iterator[str]:
    yield f"{folder.name}/RECORD,,"
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "RECORD":
            yield f"{path.relative_to(folder.parent).as_posix()},,"


def _readable(path: Path, check: Callable[[str], bool]) -> bool:
    try:
        return check(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError, csv.Error, configparser.Error):
        return False


def _metadata(text: str) -> bool:
    header = HeaderParser().parsestr(text)
    return bool(header["Name"] and header["Version"])


def _entry_points(text: str) -> bool:
    configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False).read_string(text)
    return True


def _record(text: str) -> bool:
    rows = list(csv.reader(text.splitlines()))
    return bool(rows) and all(len(row) == 3 for row in rows)
