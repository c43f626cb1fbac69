"""Names of features, from names of columns."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\*?\[\]]|^\.|(?<=\.)rows$")
"""What no file of an array can be called, or a pattern of the config would not find as it stands."""
LONGEST = 160
"""Bytes of a name; with a part of a date and a suffix behind it, a file's name holds 255."""


def feature_names(columns: Iterable[str]) -> dict[str, str]:
    """Name a feature for each column: as the column, but for what is not safe in it, which becomes ``_``.

    Two that would be called the same are told apart by ``_2``, ``_3`` and so on.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for column in columns:
        name = UNSAFE.sub("_", column) or "_"
        if len(name.encode()) > LONGEST:
            digest = hashlib.sha256(column.encode()).hexdigest()[:8]
            name = f"{name.encode()[:LONGEST].decode(errors='ignore')}_{digest}"
        plain, count = name, 1
        while name in taken:
            count += 1
            name = f"{plain}_{count}"
        taken.add(name)
        names[column] = name
    return names
