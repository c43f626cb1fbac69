"""The agreement of executors and their tasks beside ``concurrent.futures``; all of it is optional.

An executor may have

    stop()    called instead of ``shutdown`` after Ctrl-C or an error: drop what waits, end what runs now, and return
              when no worker writes any more

and its factory, the function or class that was registered, the attributes

    check(**options)                   called before a run starts or is gone on with, and with ``address`` alone as soon
                                       as a command line has one; raises CtkError where it could not work
    share(tasks, workers, threads)     the workers and threads for so many tasks, where zero means "choose"; without
                                       it this machine's cores and GPUs are shared out

A task is a function and one argument, both of which pickle. A future that raises ``WorkerLost`` tells how its worker
ended. What a task writes into its folder is looked at while it runs (``PROGRESS``); an executor whose workers do not
see that folder carries files both ways, for arguments that are ``Portable``.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

PROGRESS = "progress.json"
"""In a task's folder or below it, how far it is."""


class WorkerLost(BrokenExecutor):
    """A worker that ended before its task did. ``str(error)`` is how, and goes on where "the process" ends."""


@dataclass(frozen=True)
class Files:
    """The files of a task, by absolute paths. Those that are not there are passed over.

    constant  folders that never change and that other tasks read too
    reads     files and folders that it reads besides, as they are when it is submitted
    writes    the folder that it writes
    appends   a file to which it adds lines; it reads none of them
    """

    constant: tuple[Path, ...]
    reads: tuple[Path, ...]
    writes: Path
    appends: Path | None = None


@runtime_checkable
class Portable(Protocol):
    """The argument of a task that can also be run where the driver's folders are not."""

    def files(self) -> Files:
        """List the files that the task reads and writes."""

    def with_paths(self, to: Callable[[Path], Path]) -> Self:
        """Return a copy of this task whose paths, and those that they are below, are mapped by ``to``."""
