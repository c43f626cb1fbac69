"""The loggers of a fit, made by its trackers; none of them can end it once it has begun."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.exceptions import SIGTERMException

from ctk.contract import Choice
from ctk.errors import CtkError, without_secrets
from ctk.plugins import plugins

LogLine = Callable[[str], None]


def make_loggers(trackers: Sequence[Choice], folder: Path, name: str, tell: LogLine) -> list[Logger]:
    """Make the loggers of one stage's fit. None of them can end it any more once it has begun.

    A tracker that raises a CtkError here is one that the user should mend; the fit has lost nothing. Of any other error
    ``tell`` is told, and the fit goes on without that tracker.
    """
    guarded: list[Logger] = []
    for tracker in trackers:
        make = plugins().load("trackers", tracker.name)
        try:
            guarded.append(GuardedLogger(make(folder, name, **tracker.options), tracker.name, tell))
        except CtkError:
            raise
        except (Exception, SystemExit) as error:
            tell(f"{name} is not logged to {tracker.name}: {_describe_error(error)}")
    return guarded


class GuardedLogger(Logger):
    """A tracker's logger, left alone after the first time that it failed: a fit outlives its trackers."""

    def __init__(self, logger: Logger, tracker: str, tell: LogLine) -> None:
        super().__init__()
        self.logger = logger
        self.tracker = tracker
        self.tell = tell
        self.failed = False

    @property
    def name(self) -> str | None:
        return self.tracker

    @property
    def version(self) -> int | str | None:
        return None

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        self._call("log_hyperparams", without_secrets(params), *args, **kwargs)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self._call("log_metrics", metrics, step=step)

    def log_graph(self, *args: Any, **kwargs: Any) -> None:
        self._call("log_graph", *args, **kwargs)

    def save(self) -> None:
        self._call("save")

    def after_save_checkpoint(self, *args: Any) -> None:
        self._call("after_save_checkpoint", *args)

    def finalize(self, status: str) -> None:
        """Report a fit that was stopped as "aborted", where Lightning says "failed": it can be gone on with."""
        stopped = isinstance(sys.exception(), (KeyboardInterrupt, SIGTERMException))
        self._call("finalize", "aborted" if stopped else status)

    def _call(self, method: str, *args: Any, **kwargs: Any) -> None:
        if self.failed:
            return
        try:
            getattr(self.logger, method)(*args, **kwargs)
        except (Exception, SystemExit) as error:
            self.failed = True
            self.tell(f"{self.tracker} failed and is not logged to any more: {_describe_error(error)}")


def _describe_error(error: BaseException) -> str:
    return " ".join(str(error).split()) if isinstance(error, CtkError) else f"{type(error).__name__}: {error}"
