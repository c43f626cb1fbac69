"""What the executor and the process that talks to Ray say to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ctk.contract import Files


@dataclass(frozen=True)
class Settings:
    """Of a run; ``num_gpus`` may still be open."""

    address: str | None
    threads: int
    num_cpus: float
    num_gpus: float | None
    retries: int
    artefacts: Literal["shared", "store"]
    log: Path


@dataclass(frozen=True)
class Ready:
    """Connected; a CtkError comes instead of it where that cannot be."""


@dataclass(frozen=True)
class Task:
    """A pickled (function, args, kwargs), and its files where it says them."""

    number: int
    call: bytes
    files: Files | None


@dataclass(frozen=True)
class TaskEnd:
    """How a task ended: its pickled result, or the exception; WorkerLost where its worker ended before it did."""

    number: int
    raised: bool
    answer: bytes


@dataclass(frozen=True)
class Leave:
    """Cancel what runs, and end."""


@dataclass(frozen=True)
class Outcome:
    """How a task ended on its node: a pickled result or exception; and what it wrote, where that has to be carried."""

    raised: bool
    answer: bytes
    files: list[tuple[str, bytes]] = field(default_factory=list)
