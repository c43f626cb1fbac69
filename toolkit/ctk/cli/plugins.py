"""ctk plugins: what is installed, what it offers, what is broken and why."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from ctk.cli import completion
from ctk.cli.json_output import as_json, print_json
from ctk.cli.printing import print_table
from ctk.errors import UsageError, nearest
from ctk.plugins import KINDS, Plugin, Plugins, discover, switches
from ctk.plugins.check import check_all
from ctk.plugins.plugin import BUILT_IN
from ctk.plugins.source import REGISTER


@click.command("plugins")
@click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=completion.installed)
@click.option("--all", "everything", is_flag=True, help="Also what the core offers itself, and plugins turned off.")
@click.option(
    "--check", "checking", is_flag=True, help="Import each plugin and all it offers, in a process of its own."
)
@as_json
def plugins_(names: tuple[str, ...], everything: bool, checking: bool, json_: bool) -> None:
    """List plugins by their metadata and source; nothing of them is imported. A broken one has its reason.

    \b
    ctk plugins
    ctk plugins --all --json
    ctk plugins --check             also finds what fails only when it is imported
    ctk plugins --check ctk-mine    of one plugin, or one distribution
    """
    known = discover()
    if names:
        found = [plugin for name in names for plugin in _plugins_called(name, known)]
    else:
        found = [each for each in known if everything or (not each.disabled and each.distribution != BUILT_IN)]
    if checking:
        check_all(found)
    clashes = _clashes(known)
    rows = [
        {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "offers": [f"{KINDS[each.kind]} {each.name}" for each in plugin.offers] + _computed(plugin),
            "hooks": sorted(plugin.hooks),
            "state": plugin.state,
            "problem": plugin.problem or plugin.recalled or None,
            "disabled_by": plugin.disabled or None,
            "requires_ctk": plugin.requires or None,
            "clashes": clashes.get((plugin.name, plugin.distribution), []),
        }
        for plugin in found
    ]
    if json_:
        print_json(rows)
    else:
        print_table(["plugin", "distribution", "offers"], [_cells(row) for row in rows])
    for sentence in switches.unknown_names(known):
        click.secho(sentence, fg="yellow", err=True)


def _plugins_called(name: str, found: list[Plugin]) -> list[Plugin]:
    """Return the plugins of a name, or of a distribution. Raises UsageError where there is none."""
    if not (called := [plugin for plugin in found if plugin.is_called(name)]):
        known = {word for plugin in found for word in (plugin.name, plugin.distribution)}
        raise UsageError(f"There is no plugin '{name}'.", nearest(name, known, "plugins"))
    return called


def _clashes(found: list[Plugin]) -> dict[tuple[str, str], list[str]]:
    """Return by plugin how to call what it offers by a name that another has too."""
    known = Plugins(found)
    clashes: dict[tuple[str, str], list[str]] = {}
    for kind, said in KINDS.items():
        for name, component in known.known(kind).items():
            if name != component.name:
                clashes.setdefault((component.plugin, component.distribution), []).append(f"{said} {name}")
    return clashes


def _computed(plugin: Plugin) -> list[str]:
    """Return what is known of offers whose names only loading the plugin tells."""
    if plugin.computed == set(KINDS):
        return ["known when it is loaded"]
    return [f"{kind}, known when it is loaded" for kind in sorted(plugin.computed)]


def _cells(row: dict[str, Any]) -> list[str | Text]:
    if row["problem"]:
        offers = Text(f"broken: {row['problem']}", "red")
    elif row["disabled_by"]:
        offers = Text(f"off: ${row['disabled_by']}", "dim")
    else:
        along = [hook for hook in row["hooks"] if not hook.startswith(REGISTER)]
        offers = Text(", ".join([*row["offers"], *along]))
    if row["clashes"]:
        offers.append(f"\nanother plugin has the same names; say {', '.join(row['clashes'])}", "yellow")
    return [row["name"], f"{row['distribution']} {row['version']}", offers]
