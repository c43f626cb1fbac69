"""What is compared: a case has data, contestants that answer the same question, and a judge of their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Run = Callable[[], Any]


class Verdict(NamedTuple):
    """How good an answer is; None where there is nothing to say.

    score  by the case's own metric: a loss, a mean reciprocal rank, a blend's r2
    error  against the exact answer, as the case defines it; 0 is exact
    """

    score: float | None = None
    error: float | None = None


@dataclass(frozen=True)
class Contestant:
    """One way to the answer.

    prepare  sets up what is not timed and returns the call that is. ImportError means that the peer is not installed.
    role     "floor": the least work that must be done; ratios are to its time. "ctk": ours. "peer": all else.
    isa      the instruction set to run our kernels with at most; None for the best there is
    scale    what a time is multiplied with: a floor may be measured on a part of the work
    """

    name: str
    prepare: Callable[[], Run]
    role: Literal["floor", "ctk", "peer"] = "peer"
    isa: str | None = None
    scale: float = 1.0


@dataclass(frozen=True)
class BenchCase:
    """Contestants on the same data.

    judge    of a contestant's answer; None for a contestant without one (a floor)
    seconds  to measure for, about; each contestant has an equal share of it
    memory   whether to find the peak of extra memory
    """

    name: str
    device: str
    contestants: Sequence[Contestant]
    judge: Callable[[Any], Verdict]
    seconds: float
    memory: bool = False

    def __getitem__(self, name: str) -> Contestant:
        """A contestant by name; KeyError where there is none."""
        for contestant in self.contestants:
            if contestant.name == name:
                return contestant
        raise KeyError(name)
