"""Telling plugins and people how a run goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ctk.errors import PluginError
from ctk.plugins import Plugin, plugins
from ctk.plugins.plugin import removal
from ctk.runs import Run
from ctk.workflow.observer import Observer

CONFIG = "config.yaml"


def say_and_log(run: Run, observer: Observer) -> Callable[[str], None]:
    """Make a function that logs a line in the run's folder and says it to the observer."""

    def say(line: str) -> None:
        run.log(line)
        observer.say(line)

    return say


def call_hook(say: Callable[[str], None], hook: str, **arguments: Any) -> None:
    """Call a lifecycle hook. A plugin that fails in it is named in a line; the run goes on.

    Raises PluginError naming a plugin that takes the run's folder away or writes another config into it. What it does
    to the config that it is given, a copy, comes to nothing, and is told.
    """
    run, config = arguments.get("run"), arguments.get("config")
    written = None if run is None else _content(run)
    given = {**arguments, "config": config.model_copy(deep=True)} if config is not None else arguments

    known = config

    def look(plugin: Plugin) -> str:
        if run is not None and _content(run) != written:
            what = "changed" if (run.folder / CONFIG).exists() else "deleted"
            raise PluginError(
                f"Plugin {plugin.title} {what} {run.folder / CONFIG} in {hook}.",
                f"Tell its author, or {removal(plugin.distribution)}.",
            )
        nonlocal known
        changed = config is not None and given["config"] != known
        if changed:
            known = given["config"].model_copy(deep=True)  # of which the next plugin is not guilty
        return "changed the config, which comes to nothing," if changed else ""

    for problem in plugins().call(hook, look, **given):
        say(f"{problem}; the run goes on")


def _content(run: Run) -> bytes | None:
    """A run's config as it stands in its folder."""
    try:
        return (run.folder / CONFIG).read_bytes()
    except OSError:
        return None
