"""The end of a run: finished or not, its state and its log say so, and the user is told in a sentence."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ctk.errors import CtkError, PluginError, Pruned
from ctk.files import explain
from ctk.plugins.tracebacks import tracebacks_in
from ctk.runs import FAILED, INTERRUPTED, PRUNED, Run
from ctk.training import torchrun


@contextmanager
def interrupt_on_sigterm() -> Iterator[None]:
    """End the block at SIGTERM, and at the SIGHUP of a closed terminal, as at Ctrl-C. What is ignored stays so."""

    def interrupt(number: int, frame: Any) -> None:
        torchrun.note_termination()
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]  # nohup ignores one
    try:
        for number in taken:
            signal.signal(number, interrupt)
    except ValueError:  # not the main thread: signals are somebody else's
        yield
        return
    try:
        yield
    finally:
        for number in taken:
            if signal.getsignal(number) is not signal.SIG_IGN:  # with which ``ranks`` kept itself the last word
                signal.signal(number, before[number])


@contextmanager
def record_ending(run: Run, resume: str = "") -> Iterator[None]:
    """Record in the run's state and log how the block ends. ``resume`` says how to go on."""
    try:
        with interrupt_on_sigterm(), tracebacks_in(run.folder / "log.txt"):
            yield
    except KeyboardInterrupt:
        _leave(run, INTERRUPTED, "interrupted")
        raise CtkError(torchrun.interruption_message(), resume) from None
    except Pruned as error:
        _leave(run, PRUNED, f"pruned: {error.problem}", error.problem)
        raise
    except PluginError as error:
        _leave(run, FAILED, f"failed: {error}", error.problem)
        raise PluginError(error.problem, f"{error.help} {resume}".strip()) from error.__cause__
    except CtkError as error:
        _leave(run, FAILED, f"failed: {error}", error.problem)
        raise
    except Exception as error:
        explained = explain(error, run.folder)
        if isinstance(explained, CtkError):
            _leave(run, FAILED, traceback.format_exc(), explained.problem)
            raise CtkError(explained.problem, f"{explained.help} {resume}".strip()) from error
        problem = f"{type(error).__name__}: {error}"
        _leave(run, FAILED, traceback.format_exc(), problem)
        raise CtkError(f"{problem} (the traceback is in {run.folder / 'log.txt'})", resume) from error
    except BaseException as error:  # somebody's sys.exit
        _leave(run, INTERRUPTED, f"interrupted: {error!r}")
        raise


def _leave(run: Run, state: str, story: str, problem: str = "") -> None:
    """Write down how a run ended; on a full disk that may fail too, and then the first error matters more."""
    with suppress(OSError, CtkError):
        run.set_state(state, problem=problem)
        run.log(story)
