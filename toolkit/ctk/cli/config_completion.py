"""Completers of ``-o`` and ``--set``: the config's keys and their values."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from ctk.cli.completion import Suggestions, completer, given_so_far, named_competition
from ctk.cli.keys import Key, candidates, component_keys, run_keys
from ctk.config.overrides import override, read_yaml
from ctk.contract.schema import merge_configs
from ctk.errors import CtkError
from ctk.runs import Run, runs_root


@completer
def run_options(context: click.Context, typed: str) -> Suggestions:
    """Complete ``-o`` of a run: every config key, as the preset has it."""
    return candidates(run_keys(_config(context)), typed)


@completer
def variant_options(context: click.Context, typed: str) -> Suggestions:
    """Complete ``--set`` of an ablation: after the variant's name and a colon, as ``-o`` of a run."""
    name, colon, rest = typed.partition(":")
    if not colon:
        return [(f"{each.partition(':')[0]}:", "") for each in given_so_far(context).get("assignments") or ()]
    return [(f"{name}:{text}", about) for text, about in candidates(run_keys(_config(context)), rest)]


@completer
def data_options(context: click.Context, typed: str) -> Suggestions:
    """Complete ``-o`` where only options of the data are taken."""
    reader = named_competition(context).reader
    return candidates({"data": Key(below=lambda: component_keys("data", reader), assigned=False)}, typed)


@completer
def blend_options(context: click.Context, typed: str) -> Suggestions:
    """Complete ``-o`` of ctk blend: options of the blender that is named before, or is that of the first run."""
    given = given_so_far(context)
    name, sources = given.get("blender"), given.get("sources") or ()
    if name is None:
        files = any(Path(source).is_file() for source in sources)
        name = "mean" if files or not sources else Run.find(sources[0], runs_root()).config()["blend"]["name"]
    return candidates(component_keys("blenders", name), typed)


def _config(context: click.Context) -> dict[str, Any]:
    """Return the config that the line so far would give a run, before it is checked."""
    given = given_so_far(context)
    known = named_competition(context)
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
