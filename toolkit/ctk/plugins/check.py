"""Whether plugins load, and all they offer: each tried in a process of its own, which may die of it.

``python -m ctk.plugins.check NAME DISTRIBUTION`` tries one and prints what came of it as a line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ctk.errors import PluginError
from ctk.plugins import load_cache
from ctk.plugins.discovery import discover
from ctk.plugins.missing import missing_library
from ctk.plugins.plugin import UNKNOWN, Component, Plugin
from ctk.plugins.registry import Plugins

PATIENCE = 300
"""Seconds after which a plugin that is still importing is called broken."""
MARK = "ctk-check:"
"""Before the line of JSON, so that what a plugin prints is not taken for it."""


def check_all(found: Iterable[Plugin]) -> None:
    """Try each plugin that is not known to be broken or turned off; fill in what it offers, or its problem."""
    tried = [plugin for plugin in found if not plugin.problem and not plugin.disabled]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for plugin, told in zip(tried, pool.map(_tell, tried), strict=True):
            plugin.recalled, plugin.problem, plugin.computed = "", told["problem"], set()
            offers = [Component(thing=UNKNOWN, plugin=plugin.name, **each) for each in told["offers"]]
            plugin.offers = offers if told["offers"] or not plugin.problem else plugin.offers
            load_cache.remember(plugin, plugin.problem)


def _tell(plugin: Plugin) -> dict[str, Any]:
    command = [sys.executable, "-m", "ctk.plugins.check", plugin.name, plugin.distribution]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return {"problem": f"it was still importing after {PATIENCE} s", "offers": []}
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            return dict(json.loads(line.removeprefix(MARK)))
    last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
    return {"problem": f"importing it ends the process (exit code {done.returncode}): {last}", "offers": []}


def _try(name: str, distribution: str) -> dict[str, Any]:
    """Load one plugin and each thing it offers, and look for what a run would import of it later."""
    plugin = next(each for each in discover() if each.name == name and each.distribution == distribution)
    plugin.recalled = ""
    known = Plugins([plugin])
    known.load_plugin(plugin)
    problem = plugin.problem
    if not problem:
        for component in plugin.offers:
            try:
                component.load()
            except PluginError as error:
                problem = error.problem.rstrip(".")
                break
    problem = problem or missing_library(plugin)
    facts = ("kind", "name", "about", "distribution")
    return {"problem": problem, "offers": [{fact: getattr(each, fact) for fact in facts} for each in plugin.offers]}


if __name__ == "__main__":
    print(f"\n{MARK}{json.dumps(_try(*sys.argv[1:]))}", flush=True)
    os._exit(0)  # whatever threads and exit handlers a plugin has set up are none of ours
