"""Ids as files write them."""

from __future__ import annotations

import re

INT64 = range(-(2**63), 2**63)


def parse_id(text: str) -> int | None:
    """A whole number within int64 as text; None for anything else, and for Python's own ways of writing one (1_000).

    Its value decides, not how many digits it has: zeros may lead, and blanks stand around it.
    """
    if not re.fullmatch("[+-]?0*[0-9]{1,19}", text.strip()):
        return None
    value = int(text)
    return value if value in INT64 else None
