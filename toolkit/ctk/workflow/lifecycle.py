"""Telling plugins and people how a run goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ctk.plugins import plugins
from ctk.runs import Run
from ctk.workflow.observer import Observer


def say_and_log(run: Run, observer: Observer) -> Callable[[str], None]:
    """Make a function that logs a line in the run's folder and says it to the observer."""

    def say(line: str) -> None:
        run.log(line)
        observer.say(line)

    return say


def call_hook(say: Callable[[str], None], hook: str, **arguments: Any) -> None:
    """Call a lifecycle hook. A plugin that fails in it is named in a line; the run goes on."""
    for problem in plugins().call(hook, **arguments):
        say(f"{problem}; the run goes on")
