"""ctk doctor: what this machine and environment have, and what would go wrong."""

from __future__ import annotations

import shutil

import click

from ctk.api import runs_root
from ctk.cli.common import as_json, console, print_json


@click.command()
@as_json
def doctor(json_: bool) -> None:
    """Check the environment. Exit code 1 if something needs mending."""
    from ctk.environment import environment
    from ctk.files import cache_folder
    from ctk.plugins import plugins

    facts = environment(plugins())
    problems = [f"plugin {each.name} ({each.distribution}) is broken: {each.problem}" for each in plugins().broken()]
    problems += [f"{name} is missing" for name, version in facts["libraries"].items() if version == "missing"]
    for what, folder in (("cache", cache_folder()), ("runs", runs_root())):
        place = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
        free = shutil.disk_usage(place).free
        facts[what] = {"folder": str(folder), "free_gib": round(free / 2**30, 1)}
        if free < 2**30:
            problems.append(f"less than 1 GiB is free for {folder}")
    facts["problems"] = problems
    if json_:
        print_json(facts)
    else:
        for name, value in facts.items():
            if name == "problems":
                continue
            if isinstance(value, dict):
                value = ", ".join(f"{key} {each}" for key, each in value.items())
            elif isinstance(value, list):
                value = ", ".join(value) or "none"
            console.print(f"{name:<10} {value}", highlight=False, soft_wrap=True)
        for problem in problems:
            console.print(f"[red]✗[/red] {problem}", highlight=False, soft_wrap=True)
        if not problems:
            console.print("[green]✓[/green] nothing to mend")
    if problems:
        raise SystemExit(1)
