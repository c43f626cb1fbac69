"""ctk plugins: what is installed, what it offers, what is broken and why."""

from __future__ import annotations

import click
from rich.markup import escape

from ctk.cli.common import as_json, print_json, table


@click.command("plugins")
@as_json
def plugins_(json_: bool) -> None:
    """List plugins; a broken one with its reason."""
    from ctk.plugins import KINDS, plugins

    rows = []
    for plugin in plugins().plugins:
        offers = [f"{KINDS[each.kind]} {each.name}" for each in plugin.offers]
        rows.append(
            {
                "name": plugin.name,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "offers": offers,
                "problem": plugin.problem or None,
            }
        )
    if json_:
        print_json(rows)
        return
    table(
        ["plugin", "distribution", "offers"],
        [
            [
                str(row["name"]),
                f"{row['distribution']} {row['version']}",
                f"[red]broken: {escape(str(row['problem']))}[/red]" if row["problem"] else ", ".join(row["offers"]),  # type: ignore[arg-type]
            ]
            for row in rows
        ],
    )
