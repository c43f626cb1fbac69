"""What plugins raise, in sentences: the error a check raises, and what may leave a worker process."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctk import errors
from ctk.errors import CtkError
from ctk.files import explain
from ctk.machine import is_worker
from ctk.plugins.raised import text_of
from ctk.plugins.tracebacks import keep_traceback, tracebacks_in

LONGEST = 300
"""Characters of an error's text that are shown; the traceback has all."""


class ContractViolation(Exception):
    """What a component returned is not what was asked for. Raised inside its guard, which says whose it was.

    ``str(error)`` goes on where "the model 'x' of plugin 'y'" ends: "predicted ..., and ... is needed".
    """

    def __init__(self, what: str, help: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.help = help


def require(holds: object, what: str, help: str = "") -> None:
    """Raise ContractViolation where something does not hold of what a component returned."""
    if not holds:
        raise ContractViolation(what, help)


def describe_error(error: BaseException) -> str:
    """An error as half a sentence: its type, and the first line of what it says."""
    text = text_of(error)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "").rstrip(".")
    shown = first if len(first) <= LONGEST else f"{first[:LONGEST]} ..."
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__


def is_interruption(error: BaseException) -> bool:
    """Whether an error is Lightning's answer to Ctrl-C or SIGTERM, which is to leave the process: nobody's sys.exit."""
    if type(error).__name__ == "SIGTERMException":
        return True
    return isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt)


def is_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, Python's or a GPU's as torch says it; on a CPU torch has no type for it."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or "can't allocate memory" in describe_error(error)


@contextmanager
def only_sentences(folder: Path) -> Iterator[None]:
    """Let errors leave the block only as those of ``ctk.errors``, with the traceback in ``folder/traceback.txt``.

    A plugin's own exceptions may be such as cannot be pickled, which would break the pool of processes; sys.exit in a
    worker would end the process that drives the run.
    """
    path = folder / "traceback.txt"
    path.unlink(missing_ok=True)
    with tracebacks_in(path):
        try:
            yield
        except CtkError as error:
            raise _as_core_error(error) from error.__cause__
        except OSError as error:
            explained = explain(error, folder)
            if not isinstance(explained, CtkError):
                explained = CtkError(f"{error}.", keep_traceback(error))
            raise explained from error
        except (Exception, SystemExit, GeneratorExit) as error:
            if is_interruption(error):
                raise KeyboardInterrupt from None
            raise CtkError(f"{describe_error(error)}.", keep_traceback(error)) from error


def keep_noise(folder: Path) -> None:
    """In a worker, append what is printed as errors, and where Python was when it crashed, to ``folder/stderr.txt``.

    In the terminal it would tear the driver's progress display.
    """
    if not is_worker():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "stderr.txt").open("a") as file:
        os.dup2(file.fileno(), 2)
    faulthandler.enable(file=2)


def _as_core_error(error: CtkError) -> CtkError:
    """An error as one of ``ctk.errors`` itself, which every process can unpickle; a plugin may have its own."""
    kind: type[CtkError] = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return kind(str(error.problem), str(error.help))
