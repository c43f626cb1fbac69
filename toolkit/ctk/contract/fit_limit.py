"""How long things may take: durations as a config has them, and the time that a fit is given."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Protocol

from pydantic import BeforeValidator

EXAMPLES = "such as 90s, 10m or 1h30m"
_PIECES = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_FORM = re.compile("".join(rf"(?:(?P<{unit}>[0-9]+(?:\.[0-9]+)?){unit})?" for unit in _PIECES))


def seconds_of(duration: str) -> float:
    """Return the seconds of a duration, such as 5400 of ``1h30m``. Raises ValueError for what is none."""
    found = _FORM.fullmatch(duration.strip())
    if not found or not any(found.groups()):
        raise ValueError(f"a duration is a number with its unit, {EXAMPLES}")
    return math.fsum(float(number) * _PIECES[unit] for unit, number in found.groupdict().items() if number)


def _duration(value: Any) -> str:
    if value == 0 and not isinstance(value, bool):
        return "0s"
    if isinstance(value, (int, float)) and not isinstance(value, bool):  # YAML reads 1:30 as 90
        raise ValueError(f"a duration has a unit: {value:g}s or {value:g}m")
    if not isinstance(value, str):
        raise ValueError(f"a duration is a number with its unit, {EXAMPLES}")
    seconds_of(value)
    return value.strip()


Duration = Annotated[str, BeforeValidator(_duration)]
"""Numbers with units from days to seconds: ``1h30m``. 0 needs none."""


class FitLimit(Protocol):
    """The time that a fit has, in a run with a time limit. Fits of others have none."""

    def is_up(self, share: float = 1.0, ahead: float = 0.0) -> bool:
        """Whether the fit should end now, and be kept with what it has learned so far.

        Asked as often as is useful, such as after each epoch or round, and obeyed. May raise ``OutOfTime``, where what
        was learned is too little to be kept.

        share  of the fit's time, by which the piece of work that goes on now is to end: 0.25 of the first of four
        ahead  seconds that the next step takes, after which it will be asked again
        """
