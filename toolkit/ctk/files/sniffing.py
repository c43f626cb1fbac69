"""What a file is by its first bytes, where a text in UTF-8 is wanted: packed, or in another encoding."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from ctk.errors import CtkError

ARCHIVES = {
    rb"PK\x03\x04": ("zip", "unzip"),
    rb"\x1f\x8b": ("gz", "gunzip"),
    rb"7z\xbc\xaf": ("7z", "7z x"),
    rb"\xfd7zXZ": ("xz", "xz -d"),
    rb"\x28\xb5\x2f\xfd": ("zst", "zstd -d"),
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": ("bz2", "bzip2 -d"),
    rb"Rar!\x1a": ("rar", "unrar x"),
}
"""How archives begin, the suffix of each, and the command that takes them apart."""
ENCODINGS = {rb"\xff\xfe\0\0|\0\0\xfe\xff": "UTF-32", rb"\xff\xfe|\xfe\xff": "UTF-16"}
"""How texts begin that are not in UTF-8 and say so."""


def refuse_packed(path: Path, error: type[CtkError], what: str = "text", formats: Collection[str] = ()) -> None:
    """Raise ``error`` for an archive, or a text that says it is in UTF-16 or UTF-32.

    ``formats`` are the suffixes of archives that may be. Of what cannot be read, the reader tells in its own words.
    """
    if not path.is_file():  # of a pipe, the first bytes would be lost
        return
    try:
        with path.open("rb") as file:
            start = file.read(10)
    except OSError:
        return
    for begins, (suffix, command) in ARCHIVES.items():
        if re.match(begins, start, re.DOTALL) and suffix not in formats:
            raise error(f"{path}: is an archive ({suffix}), not a {what}.", f"Unpack it: {command} {path}")
    for begins, name in ENCODINGS.items():
        if re.match(begins, start):
            help = f"Save it as UTF-8: iconv -f {name} -t UTF-8 {path} -o NEW"
            raise error(f"{path}: is in {name}, and UTF-8 is needed.", help)
