"""Completers: what may stand in an argument or an option, for click's ``shell_complete``.

They import no component, for somebody is typing and waits; a competition's presets are asked of the competition itself.
What is raised or printed in here is dropped by ``ctk.cli.shell``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from ctk.errors import CtkError

Found = Iterable[tuple[str, str]]
"""What may be written, and what it is."""
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


def completer(find: Callable[[click.Context, str], Found]) -> Completer:
    """A ``shell_complete`` from a function that is given the context and what was typed."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem[str]]:
        found = find(context, typed)
        return [CompletionItem(text, help=about or None) for text, about in found if text.startswith(typed)]

    return complete


def component(kind: str) -> Completer:
    """Names of components of a kind."""
    return completer(lambda context, typed: _known(kind))


def _known(kind: str) -> Found:
    from ctk.plugins import plugins

    return [(name, each.about) for name, each in plugins().known(kind).items()]


competitions = component("competitions")
executors = component("executors")


@completer
def presets(context: click.Context, typed: str) -> Found:
    """Presets of the competition that is named before."""
    return [(name, "") for name in _competition(context).presets()]


@completer
def installed(context: click.Context, typed: str) -> Found:
    """Plugins, and the distributions they are of."""
    from ctk.plugins import discover

    found = [(name, "") for plugin in discover() for name in (plugin.name, plugin.distribution)]
    return dict(found).items()


@completer
def distributions(context: click.Context, typed: str) -> Found:
    """Distributions that have plugins, without the toolkit's own."""
    from ctk.plugins import discover
    from ctk.plugins.plugin import BUILT_IN

    return [(name, "") for name in {plugin.distribution: None for plugin in discover()} if name != BUILT_IN]


def runs(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """Runs by the names of their folders, newest first; by what follows the time; or as folders."""
    if os.sep in typed or typed.startswith((".", "~")):
        return [CompletionItem(typed, type="dir")]
    return _run_names(context, parameter, typed)


def runs_and_files(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """Runs as above; files where no run begins so."""
    return runs(context, parameter, typed) or [CompletionItem(typed, type="file")]


@completer
def _run_names(context: click.Context, typed: str) -> Found:
    from ctk.api import runs_root
    from ctk.runs import all_runs

    wanted = _given(context).get("competition")
    found = [run.folder for run in all_runs(runs_root()) if wanted in (None, run.folder.parent.name)]
    names = [(folder.name, folder.parent.name) for folder in found]
    if any(name.startswith(typed) for name, _ in names):
        return names
    ends = [(re.sub(r"^\d{4}-\d{6}-", "", name), about) for name, about in names]
    return [(end, about) for end, about in ends if [name for name, _ in ends].count(end) == 1]


@completer
def members(context: click.Context, typed: str) -> Found:
    """Members of the run that is named before."""
    from ctk.api import runs_root
    from ctk.runs import Run

    return [(member["name"], "") for member in Run.find(str(_given(context)["run"]), runs_root()).config()["members"]]


@completer
def run_options(context: click.Context, typed: str) -> Found:
    """``-o`` of a run: every config key, as the preset has it."""
    from ctk.cli.keys import candidates, run_keys

    return candidates(run_keys(_config(context)), typed)


@completer
def variant_options(context: click.Context, typed: str) -> Found:
    """``--set`` of an ablation: after the variant's name and a colon, as ``-o`` of a run."""
    from ctk.cli.keys import candidates, run_keys

    name, colon, rest = typed.partition(":")
    if not colon:
        return [(f"{each.partition(':')[0]}:", "") for each in _given(context).get("assignments") or ()]
    return [(f"{name}:{text}", about) for text, about in candidates(run_keys(_config(context)), rest)]


@completer
def ablations(context: click.Context, typed: str) -> Found:
    """Ablations by the names of their folders."""
    from ctk.api import runs_root
    from ctk.series.ablation import PLAN

    return [(path.parent.name, path.parents[1].name) for path in runs_root().glob(f"*/*/{PLAN}")]


@completer
def data_options(context: click.Context, typed: str) -> Found:
    """``-o`` where only options of the data are taken."""
    from ctk.cli.keys import Key, candidates, component_keys

    reader = _competition(context).reader
    return candidates({"data": Key(below=lambda: component_keys("data", reader), assigned=False)}, typed)


@completer
def blend_options(context: click.Context, typed: str) -> Found:
    """``-o`` of ctk blend: options of the blender that is named before, or is that of the first run."""
    from ctk.api import runs_root
    from ctk.cli.keys import candidates, component_keys
    from ctk.runs import Run

    given = _given(context)
    name, sources = given.get("blender"), given.get("sources") or ()
    if name is None:
        files = any(Path(source).is_file() for source in sources)
        name = "mean" if files or not sources else Run.find(sources[0], runs_root()).config()["blend"]["name"]
    return candidates(component_keys("blenders", name), typed)


def _given(context: click.Context) -> dict[str, Any]:
    """What the line says so far. Click drops arguments where the option that is completed has no value yet."""
    given, left = dict(context.params), list(context.args)
    for parameter in context.command.params:
        if isinstance(parameter, click.Argument) and parameter.name and left and not given.get(parameter.name):
            given[parameter.name] = tuple(left) if parameter.nargs == -1 else left.pop(0)
    return given


def _competition(context: click.Context) -> Any:
    from ctk.plugins import plugins

    return plugins().load("competitions", _given(context)["competition"])()


def _config(context: click.Context) -> dict[str, Any]:
    """The config that the line so far would give a run, before it is checked."""
    from ctk.config.overrides import override, read_yaml
    from ctk.contract.schema import merge_configs

    given = _given(context)
    known = _competition(context)
    usual = known.embedded if given.get("data_dir") is None else known.default
    raw = merge_configs({"data": {"name": known.reader}}, known.presets()[given.get("preset") or usual])
    if given.get("file"):
        raw = merge_configs(raw, read_yaml(Path(given["file"])))
    if given.get("filters"):
        raw["filters"] = list(given["filters"])
    for assignment in given.get("overrides") or ():
        with suppress(CtkError):
            override(raw, assignment)
    return raw
