"""The process that a bundle runs in: started for its cases, ended at the time limit, started anew for what is left."""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ctk_supertux.grading.limits import GraderLimits

IMPORTING = 300.0
"""Seconds that the bundle's code may take to be imported, which the course does not count."""
LARGEST = 2_000_000_000
"""Bytes of the largest file that it may write in its folder."""
KEPT = ("HF_HOME", "HF_HUB_CACHE", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "PATH", "VIRTUAL_ENV")
"""Variables of our environment that it gets; no secret of a user's is among them."""


@dataclass(frozen=True)
class CaseOutcome:
    """What came of a case: accuracy and parameters, or the fault; and how long it took."""

    accuracy: float | None
    parameters: int | None
    seconds: float
    fault: str = ""


def run_cases(folder: Path, cases: Sequence[str], limits: GraderLimits) -> dict[str, CaseOutcome]:
    """Run cases of the bundle in ``folder``, each with its time; a process that a case ends is followed by another."""
    found: dict[str, CaseOutcome] = {}
    while left := [case for case in cases if case not in found]:
        found.update(_run_process(folder, left, limits))
    return found


def _run_process(folder: Path, cases: Sequence[str], limits: GraderLimits) -> dict[str, CaseOutcome]:
    """Run cases until the process ends or is ended; at least the first of them has an outcome."""
    printed = folder / "printed.txt"
    process, lines = _start(folder, cases, limits, printed)
    found: dict[str, CaseOutcome] = {}
    current, began, allowed, doing = cases[0], time.monotonic(), IMPORTING, "being imported"
    try:
        while event := lines.next(began + allowed):
            current = event.get("case", current)
            seconds = time.monotonic() - began
            if event["state"] == "begun":
                began, allowed, doing = time.monotonic(), limits.seconds, "its case"
            elif event["state"] == "ended":
                found[current] = CaseOutcome(event["accuracy"], event["parameters"], seconds)
            elif event["state"] == "failed":
                found[current] = CaseOutcome(None, None, seconds, event["fault"])
    except TimeoutError:
        fault = f"{doing} took more than the {allowed:g} s that are allowed"
        found[current] = CaseOutcome(None, None, time.monotonic() - began, fault)
        return found
    finally:
        lines.close()
        os.killpg(process.pid, signal.SIGKILL)  # it is there until it is waited for
        code = process.wait()
    if left := [case for case in cases if case not in found]:
        fault = f"ended its process with status {code}{_last_line(printed)}"
        found[left[0]] = CaseOutcome(None, None, time.monotonic() - began, fault)
    return found


def _start(
    folder: Path, cases: Sequence[str], limits: GraderLimits, printed: Path
) -> tuple[subprocess.Popen[bytes], ProcessLines]:
    """Start the process, in a session of its own, what it prints going to a file; and give what it tells."""
    reading, writing = os.pipe()
    with as_file(files("ctk_supertux") / "grading" / "child.py") as child, printed.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-s", "-B", "-P", child, folder, str(writing), str(limits.parameters), *cases],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(writing,),
            start_new_session=True,
            preexec_fn=_limit,
        )
    os.close(writing)
    return process, ProcessLines(reading)


class ProcessLines:
    """Lines of JSON that another process writes to a pipe."""

    def __init__(self, reading: int) -> None:
        self.reading = reading
        self.held = b""
        self.selector = selectors.DefaultSelector()
        self.selector.register(reading, selectors.EVENT_READ)

    def next(self, deadline: float) -> dict[str, Any] | None:
        """Wait for the next line, until a time of ``time.monotonic``; None at the end. Raises TimeoutError."""
        while b"\n" not in self.held:
            if not self.selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            if not (more := os.read(self.reading, 65_536)):
                return None
            self.held += more
        line, _, self.held = self.held.partition(b"\n")
        return dict(json.loads(line))

    def close(self) -> None:
        """Close the pipe."""
        self.selector.close()
        os.close(self.reading)


def _environment(folder: Path) -> dict[str, str]:
    """Make an environment whose home and temporary folder are the bundle's, without the hub and without secrets."""
    cache = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    own = {
        "HF_HOME": str(cache),
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1",  # whatever its code asks for
    }
    return own


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _last_line(path: Path) -> str:
    """The last line that it printed, after a colon; empty where there is none."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1_000))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:300]}" if lines else ""
