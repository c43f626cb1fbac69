"""Workers: what leaves one can be read anywhere, and its noise is kept."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctk.contract.executor import WORKER
from ctk.errors import CtkError
from ctk.files import explain
from ctk.plugins.guard.guard import is_interruption, plain, told
from ctk.plugins.tracebacks import kept, tracebacks_in


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
    if multiprocessing.parent_process() is None and not os.environ.get(WORKER):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "stderr.txt").open("a") as file:
        os.dup2(file.fileno(), 2)
    faulthandler.enable(file=2)
