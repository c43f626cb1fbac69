"""Workers: what leaves one can be read anywhere, and one that ended without a word is named."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from ctk.errors import CtkError
from ctk.files import explain, write_text
from ctk.guard.guard import is_interruption, plain, told
from ctk.tracebacks import kept, tracebacks_in

PID = "worker.pid"
"""In a part's folder, which process is fitting it."""
PATIENCE = 5.0
"""Seconds that a worker of a broken pool is given to end."""


@contextmanager
def only_sentences(folder: Path) -> Iterator[None]:
    """Whatever the block raises leaves it as an error of ``ctk.errors``, the traceback in ``folder/traceback.txt``.

    A plugin's own exceptions may be such as cannot be pickled, which would break the pool of processes; sys.exit in a
    worker would end the process that drives the run.
    """
    path = folder / "traceback.txt"
    path.unlink(missing_ok=True)
    with tracebacks_in(path):
        try:
            yield
        except CtkError as error:
            raise plain(error) from error.__cause__
        except OSError as error:
            explained = explain(error, folder)
            raise explained if isinstance(explained, CtkError) else CtkError(f"{error}.", kept(error)) from error
        except (Exception, SystemExit) as error:
            if is_interruption(error):
                raise KeyboardInterrupt from None
            raise CtkError(f"{told(error)}.", kept(error)) from error


def keep_noise(folder: Path) -> None:
    """In a worker, what is printed as errors goes to ``folder/stderr.txt``, and where Python was when it crashed too.

    In the terminal it would tear the driver's progress display.
    """
    if multiprocessing.parent_process() is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "stderr.txt").open("a") as file:
        os.dup2(file.fileno(), 2)
    faulthandler.enable(file=2)
    write_text(folder / PID, str(os.getpid()))


def ended(workers: Sequence[BaseProcess], folder: Path) -> str:
    """How the process ended that was working in a folder, as half a sentence; empty if it did not, or nobody knows."""
    try:
        pid = int((folder / PID).read_text())
    except (OSError, ValueError):
        return ""
    code = next((_exit_code(worker) for worker in workers if worker.pid == pid), None)
    if code is None or code == -signal.SIGTERM:  # the pool ends the others so
        return ""
    if code == -signal.SIGKILL:
        return "was killed (SIGKILL), which is what the system does when memory runs out"
    if code < 0:
        return f"crashed ({_name(-code)})"
    return f"ended itself with exit code {code}"


def _exit_code(worker: BaseProcess) -> int | None:
    """Of a worker in a pool that breaks: the pool waits for it too, and whoever comes second is told a moment later."""
    deadline = time.monotonic() + PATIENCE
    while (code := worker.exitcode) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return code


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
