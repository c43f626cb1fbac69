"""ctk doctor: what this machine and environment have, and what would go wrong."""

from __future__ import annotations

import os
import shutil
from typing import Any

import click
from rich.text import Text

from ctk.bench.speed import speed
from ctk.cli.json_output import as_json, print_json
from ctk.cli.printing import console
from ctk.errors import CtkError
from ctk.files import cache_folder
from ctk.plugins import Plugins
from ctk.plugins.check import check_all
from ctk.runs import runs_root
from ctk.workflow.environment import describe_environment


@click.command()
@as_json
def doctor(json_: bool) -> None:
    """Check the environment. Exit code 1 if something needs mending.

    \b
    ctk doctor
    ctk doctor --json
    """
    known = Plugins()  # not those of a process that a broken one may not enter
    check_all(known.plugins)
    facts = describe_environment(known)
    problems = [f"plugin {each.title} is broken: {each.problem}" for each in known.broken()]
    problems += [f"{name} is missing" for name, version in facts["libraries"].items() if version == "missing"]
    problems += [f"ops {name}: {path}" for name, path in facts["ops"].items() if "does not load" in path]
    for what, variable, find in (("cache", "CTK_CACHE", cache_folder), ("runs", "CTK_RUNS", runs_root)):
        try:
            folder = find()
        except CtkError as error:
            problems.append(f"{error.problem} {error.help}")
            continue
        place = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
        free = shutil.disk_usage(place).free
        facts[what] = {"folder": str(folder), "free_gib": round(free / 2**30, 1)}
        if free < 2**30:
            problems.append(f"less than 1 GiB is free for {folder}")
        if not (place.is_dir() and os.access(place, os.W_OK)):
            problems.append(f"{folder} cannot be written; set {variable} to a folder you may write to")
    facts["speed"] = speed()
    problems += [f"{name}: {each['problem']}" for name, each in facts["speed"].items() if "problem" in each]
    facts["problems"] = problems
    if json_:
        print_json(facts)
    else:
        for name, value in facts.items():
            if name not in {"ops", "build", "speed", "problems"}:
                _print_fact(name, _fact_text(value))
        for name, path in facts["ops"].items():
            _print_fact(f"ops {name}", path)
        _print_fact("built", _build_text(facts["build"]))
        for name, each in facts["speed"].items():
            if "problem" in each:
                continue
            times = f"{each['compiled_ms']:.3g} ms, plain {each['plain_ms']:.3g} ms"
            _print_fact(name, f"{each['ratio']:.1f} x as fast as plain   {times}   {each['case']}")
        for problem in problems:
            console.print(Text.assemble(("✗", "red"), f" {problem}"), soft_wrap=True)
        if not problems:
            console.print(Text.assemble(("✓", "green"), " nothing to mend"))
    if problems:
        raise SystemExit(1)


def _print_fact(name: str, words: str) -> None:
    console.print(f"{name:<12} {words}", soft_wrap=True)


def _fact_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return str(value)


def _build_text(record: dict[str, Any]) -> str:
    """Return the build record in a line."""
    if not record:
        return "never; `pip install --editable .` compiles the kernels"
    words = [f"{record['date']} from {record['git'] or 'no git revision'}", f"CTK_BUILD={record['mode']}"]
    if "compiler" in record:
        words += [record["compiler"], f"against torch {record['torch']} for {record['stable_abi']} and later"]
    if "nvcc" in record:
        words += [f"nvcc {record['nvcc']} for {record['arch_list']}"]
    return ", ".join(words)
