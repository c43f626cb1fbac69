"""ctk new: a package of one's own to start from, complete and installable."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from ctk.cli.choice import OneOf
from ctk.cli.from_files import FromFiles, make_from_files
from ctk.new.kinds import COMPETITION, COMPONENTS, Kind
from ctk.new.names import names_of
from ctk.new.render import write_package

out = click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder to make; default: ./ctk-NAME.")


@click.group()
def new() -> None:
    """Make a plugin to start from, which installs, runs and passes its tests as it is.

    \b
    ctk new competition my-competition
    ctk new plugin my-loss --component loss
    """


@new.command(cls=FromFiles)
@click.argument("name")
@out
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Make it for the files in this folder, and install it; --help lists what can be said of them.",
)
@click.option("--scaffold", metavar="NAME", help="What looks at the files, where several plugins could.")
@click.option("--no-install", is_flag=True, help="With --data: leave the package uninstalled.")
def competition(
    name: str, out: Path | None, data: Path | None, scaffold: str | None, no_install: bool, **chosen: Any
) -> None:
    """Make a package with a competition.

    It is complete: real data, reader, metric, network, submission, preset and tests. NAME is that of the competition;
    the package is called ctk-NAME.

    With --data it is about the files there, such as the three that Kaggle hands out. What was found in them is shown,
    with the option that says otherwise; what could well be otherwise is asked in a terminal.

    \b
    ctk new competition my-competition
    ctk new competition my-competition --out ~/work/my-competition
    ctk new competition house-prices --data house-prices
    """
    if data is None:
        _make(COMPETITION, name, out)
    else:
        make_from_files(name, data, out, not no_install, chosen)


@new.command()
@click.argument("name")
@click.option("--component", required=True, type=OneOf(list(COMPONENTS)), help="What the plugin offers.")
@out
def plugin(name: str, component: str, out: Path | None) -> None:
    """Make a package with one component.

    Any competition can name it once it is installed. NAME is that of the component; the package is called ctk-NAME.

    \b
    ctk new plugin my-loss --component loss
    ctk new plugin my-reader --component data --out ~/work/my-reader
    """
    _make(COMPONENTS[component], name, out)


def _make(kind: Kind, name: str, out: Path | None) -> None:
    names = names_of(name, kind)
    folder = out or Path(names.distribution)
    files = write_package(kind, names, folder)
    use = f"ctk run {names.name}" if kind is COMPETITION else "ctk plugins"
    width = max(len(step) for step in (f"cd {folder}", use, "pip install pytest && pytest"))
    click.echo(f"{folder}: {len(files)} files; README.md says what is where\n\nNext:")
    for step, what in (
        (f"cd {shlex.quote(str(folder))}", ""),
        ("ctk install -e .", "changes count at once"),
        (use, "train, blend, submit, report" if kind is COMPETITION else f"the {kind.name} '{names.name}' is there"),
        ("pip install pytest && pytest", "its own tests"),
    ):
        click.echo(f"  {step:<{width}}  {what}".rstrip())
