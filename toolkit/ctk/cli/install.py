"""ctk install and ctk uninstall: distributions with plugins, always in this environment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from packaging.utils import canonicalize_name

from ctk.cli import completion
from ctk.cli.printing import console
from ctk.errors import UsageError
from ctk.plugins import packages as installing
from ctk.plugins.packages import Row, needed_by_core, quote_command, recheck, row_key

PASSED_ON = {"ignore_unknown_options": True}
"""An option of pip's reaches ``packages`` and is refused there with a sentence."""


@click.command(context_settings=PASSED_ON)
@click.argument("packages", nargs=-1, metavar="PKG...")
@click.option(
    "-e",
    "--editable",
    "projects",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Install the project in this folder so that changes of its files count at once.",
)
@click.option("-U", "--upgrade", is_flag=True, help="Also if an older version is there.")
def install(packages: tuple[str, ...], projects: tuple[Path, ...], upgrade: bool) -> None:
    """Install plugins into this environment, with its pip or uv, and say what was gained.

    A PKG is what pip takes: a name with extras and versions, a URL, a wheel, a folder. The command that is run is
    printed first, and what it says where it fails. Exit code 1 if what was installed is broken, and pip's own where
    that fails.

    \b
    ctk install ctk-mine
    ctk install 'ctk-mine>=0.1' -U
    ctk install ./ctk_mine-1.0-py3-none-any.whl
    ctk install -e my-competition            a project that you are working on
    """
    if not packages and not projects:
        raise UsageError("Nothing to install.", "Give the name of a package, or -e and a folder: ctk install --help")
    for text in packages:
        installing.check_package(text)
    for folder in projects:
        installing.check_project(folder)
    command = installing.install_command(packages, projects, upgrade)
    before = installing.list_rows()
    _run(command)
    after = installing.list_rows()
    if before is None or after is None:
        _print_unknown("gained")
    elif _print_gained(before, after, installing.requested_names(packages, projects)):
        raise SystemExit(1)


@click.command(context_settings=PASSED_ON)
@click.argument("packages", nargs=-1, required=True, metavar="PKG...", shell_complete=completion.distributions)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def uninstall(packages: tuple[str, ...], yes: bool) -> None:
    """Take distributions out of this environment, and say what was lost.

    Works however broken a plugin is, for none is imported. Where its metadata is damaged, so that pip and uv would
    stop, a sentence says what to delete by hand.

    \b
    ctk uninstall ctk-mine
    ctk uninstall ctk-mine ctk-other -y
    """
    for text in packages:
        installing.check_name(text)
    before = installing.list_rows()
    for text in packages:
        installing.check_installed(text, before or [])
    command = installing.uninstall_command(packages)
    for text in packages:
        _announce_loss(text, before or [])
    if not yes:
        click.confirm("Uninstall?", abort=True)
    _run(command)
    after = installing.list_rows()
    if before is None or after is None:
        _print_unknown("lost")
        return
    left = {installing.row_key(row) for row in after}
    lost = [row for row in before if installing.row_key(row) not in left]
    for row in lost:
        click.echo(f"lost {_title(row)}: {_offers(row)}")
    if not lost:
        click.echo("Nothing that ctk used was taken away.")


def _run(command: Sequence[str]) -> None:
    click.secho(f"$ {quote_command(command)}", bold=True)
    with console.status("at work; a large package takes minutes"):
        installing.run_installer(command)


def _announce_loss(name: str, rows: Sequence[Row]) -> None:
    of = [row for row in rows if canonicalize_name(str(row["distribution"])) == canonicalize_name(name)]
    for row in of:
        click.echo(f"{_title(row)} offers {_offers(row)}.")
    if needed_by_core(name):
        click.secho(f"{name} is needed by ctk itself.", fg="yellow")
    elif not of:
        click.echo(f"{name} offers nothing to ctk.")


def _print_gained(before: Sequence[Row], after: Sequence[Row], asked: set[str]) -> bool:
    """Print what is new, what has changed, and what was here already; returns whether some of it is broken."""
    old = {row_key(row): row for row in before}
    concerned = {}
    for row in after:
        was = old.pop(row_key(row), None)
        if was is None:
            concerned[row_key(row)] = f"gained {_title(row)}"
        elif was["version"] != row["version"]:
            concerned[row_key(row)] = f"changed {_title(was)} to {row['version']}"
        elif was != row or canonicalize_name(str(row["distribution"])) in asked:
            concerned[row_key(row)] = f"have {_title(row)}"
    broken = False
    for row in recheck([row for row in after if row_key(row) in concerned]):
        if row["problem"]:
            broken = True
            click.secho(f"{concerned[row_key(row)]}, which is broken: {row['problem']}", fg="red")
        else:
            click.echo(f"{concerned[row_key(row)]}: {_offers(row)}{_next(row)}")
        if row["clashes"]:
            click.secho(f"  another plugin has the same names; say {', '.join(row['clashes'])}", fg="yellow")
    for row in old.values():
        click.echo(f"lost {_title(row)}: {_offers(row)}")
    if not concerned:
        click.echo("Nothing that ctk can use was installed: a plugin has an entry point in the group 'ctk'.")
    return broken


def _next(row: Row) -> str:
    """Return what to do with a plugin now, as half a sentence."""
    if row["disabled_by"]:
        return f"; ${row['disabled_by']} turns it off"
    for kind, verb in (("competition ", "run it: ctk run "), ("command ", "call it: ctk ")):
        for offer in row["offers"]:
            if offer.startswith(kind):
                return f"; {verb}{offer.removeprefix(kind)}"
    return ""


def _offers(row: Row) -> str:
    return ", ".join(row["offers"]) or (f"broken: {row['problem']}" if row["problem"] else "nothing")


def _title(row: Row) -> str:
    return f"{row['distribution']} {row['version']}"


def _print_unknown(what: str) -> None:
    click.secho(
        f"What was {what} cannot be told, for `ctk plugins` fails now; what it says tells why.", fg="red", err=True
    )
