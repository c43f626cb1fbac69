"""ctk list and ctk info: which competitions there are, and what one of them offers."""

from __future__ import annotations

import click
from rich.text import Text

from ctk.cli import completion
from ctk.cli.json_output import as_json, print_json
from ctk.cli.printing import console, print_table
from ctk.config.resolve import base_config
from ctk.files import dump_yaml
from ctk.plugins import KINDS, plugins
from ctk.plugins.guard import competition_of, metric_of


@click.command("list")
@as_json
def list_(json_: bool) -> None:
    """List the competitions that are installed.

    \b
    ctk list
    ctk list --json
    """
    known = plugins().all("competitions")
    if json_:
        print_json([{"id": name, "about": each.about, "plugin": each.plugin} for name, each in known.items()])
    elif known:
        print_table(
            ["competition", "about", "plugin"], [[name, each.about, each.plugin] for name, each in known.items()]
        )
    elif off := [plugin for plugin in plugins().plugins if plugin.disabled]:
        console.print(f"No competition is left: ${off[0].disabled} turns {len(off)} plugins off.")
    else:
        console.print("No competition is installed. Each is a package of its own: ctk install PACKAGE")


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@click.option("--preset", shell_complete=completion.presets, help="Show this preset's config in full.")
@as_json
def info(competition: str, preset: str | None, json_: bool) -> None:
    """Show a competition's metric, presets and the components its configs can name.

    \b
    ctk info my-competition
    ctk info my-competition --preset quick    that preset's config in full
    """
    known = competition_of(competition)
    presets = known.presets()
    if preset is not None:
        shown = base_config(known, None, preset)
        print_json(shown) if json_ else click.echo(dump_yaml(shown), nl=False)
        return
    kinds = [kind for kind in KINDS if kind not in ("competitions", "platforms", "scaffolds", "commands")]
    offers = {kind: list(plugins().all(kind)) for kind in kinds}
    metric = metric_of(known.metric)
    if json_:
        facts = {"id": known.id, "title": known.title, "url": known.url, "metric": metric.name}
        facts |= {"platform": known.platform, "slug": known.slug}
        print_json(
            {
                **facts,
                "direction": metric.direction,
                "presets": list(presets),
                "spaces": list(known.spaces()),
                "components": offers,
            }
        )
        return
    console.print(Text.assemble((known.title, "bold"), f"  {known.url}"))
    better = "higher" if metric.direction == "max" else "lower"
    console.print(f"metric   {metric.name} ({better} is better)")
    if known.platform:
        console.print(f"held on  {known.platform}, as {known.slug}")
    for name in presets:
        note = {known.embedded: "default on the embedded data", known.default: "default with --data"}.get(name, "")
        console.print(Text.assemble(f"preset   {name}  ", (note, "dim")))
    for name in known.spaces():
        console.print(Text.assemble(f"space    {name}  ", ("for ctk search", "dim")))
    for kind in kinds:
        console.print(f"{kind:<11}{', '.join(offers[kind]) or '-'}")
    console.print(f"\nA preset in full: ctk info {known.id} --preset {known.embedded}")
