"""Completers: what may stand in an argument or an option, for click's ``shell_complete``.

They import no component, for somebody is typing and waits; a competition's presets are asked of the competition itself.
What is raised or printed in here is dropped by ``ctk.cli.shell``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from ctk.plugins import discover, plugins
from ctk.plugins.plugin import BUILT_IN
from ctk.runs import Run, all_runs, runs_root
from ctk.series.ablation import PLAN

Suggestions = Iterable[tuple[str, str]]
"""What may be written, and what it is."""
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


def completer(find: Callable[[click.Context, str], Suggestions]) -> Completer:
    """Make a ``shell_complete`` from a function that is given the context and what was typed."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem[str]]:
        found = find(context, typed)
        return [CompletionItem(text, help=about or None) for text, about in found if text.startswith(typed)]

    return complete


def component(kind: str) -> Completer:
    """Complete names of components of a kind."""
    return completer(lambda context, typed: _component_names(kind))


def _component_names(kind: str) -> Suggestions:
    return [(name, each.about) for name, each in plugins().known(kind).items()]


competitions = component("competitions")
executors = component("executors")


@completer
def presets(context: click.Context, typed: str) -> Suggestions:
    """Complete presets of the competition that is named before."""
    return [(name, "") for name in named_competition(context).presets()]


@completer
def installed(context: click.Context, typed: str) -> Suggestions:
    """Complete plugins, and the distributions they are of."""
    found = [(name, "") for plugin in discover() for name in (plugin.name, plugin.distribution)]
    return dict(found).items()


@completer
def distributions(context: click.Context, typed: str) -> Suggestions:
    """Complete distributions that have plugins, without the toolkit's own."""
    return [(name, "") for name in {plugin.distribution: None for plugin in discover()} if name != BUILT_IN]


def runs(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """Complete runs by the names of their folders, newest first; by what follows the time; or as folders."""
    if os.sep in typed or typed.startswith((".", "~")):
        return [CompletionItem(typed, type="dir")]
    return _run_names(context, parameter, typed)


def runs_and_files(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """Complete runs, and files where no run begins so."""
    return runs(context, parameter, typed) or [CompletionItem(typed, type="file")]


@completer
def _run_names(context: click.Context, typed: str) -> Suggestions:
    wanted = given_so_far(context).get("competition")
    found = [run.folder for run in all_runs(runs_root()) if wanted in (None, run.folder.parent.name)]
    names = [(folder.name, folder.parent.name) for folder in found]
    if any(name.startswith(typed) for name, _ in names):
        return names
    ends = [(re.sub(r"^\d{4}-\d{6}-", "", name), about) for name, about in names]
    return [(end, about) for end, about in ends if [name for name, _ in ends].count(end) == 1]


@completer
def members(context: click.Context, typed: str) -> Suggestions:
    """Complete members of the run that is named before."""
    run = Run.find(str(given_so_far(context)["run"]), runs_root())
    return [(member["name"], "") for member in run.config()["members"]]


@completer
def ablations(context: click.Context, typed: str) -> Suggestions:
    """Complete ablations by the names of their folders."""
    return [(path.parent.name, path.parents[1].name) for path in runs_root().glob(f"*/*/{PLAN}")]


def given_so_far(context: click.Context) -> dict[str, Any]:
    """Return the parameters that the line has so far.

    Click drops arguments where the option that is completed has no value yet.
    """
    given, left = dict(context.params), list(context.args)
    for parameter in context.command.params:
        if isinstance(parameter, click.Argument) and parameter.name and left and not given.get(parameter.name):
            given[parameter.name] = tuple(left) if parameter.nargs == -1 else left.pop(0)
    return given


def named_competition(context: click.Context) -> Any:
    return plugins().load("competitions", given_so_far(context)["competition"])()
