"""The reference of the command line, from the click commands of the core; plugins' own are not in it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from ctk.cli.main import cli
from ctk.plugins import built_in
from making.docstrings import bars, prose

NO_WRAP = "\b"
"""click's mark of a paragraph that stays as it is: here the examples."""


def page() -> str:
    """Every command of the core with its examples, arguments and options."""
    parts = [
        "# Command line",
        "Every command has `--help`. Exit codes: 0 good, 1 the work failed, 2 wrong usage. Plugins add commands of "
        "their own: `ctk --help` lists all that are installed.",
        "## ctk",
        _usage("ctk", cli),
        *_body(cli),
    ]
    for path, command in _core_commands():
        parts += [f"## {path}", _usage(path, command), *_body(command)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _core_commands() -> Iterator[tuple[str, click.Command]]:
    """The core's commands by their paths, in the order of ``ctk --help``, each followed by its own."""
    for name in sorted(built_in().known("commands")):
        command = built_in().load("commands", name)
        yield f"ctk {name}", command
        if isinstance(command, click.Group):
            yield from ((f"ctk {name} {below}", command.commands[below]) for below in sorted(command.commands))


def _usage(path: str, command: click.Command) -> str:
    with click.Context(command, info_name=path, color=False) as context:
        return f"```text\n{' '.join([path, *command.collect_usage_pieces(context)])}\n```"


def _body(command: click.Command) -> list[str]:
    parts = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        if paragraph.strip().startswith(NO_WRAP):
            lines = paragraph.strip().removeprefix(NO_WRAP).strip("\n")
            parts.append(f"```text\n{inspect.cleandoc(lines)}\n```")
        else:
            parts.append(prose(" ".join(paragraph.split())))
    rows = [_row(each) for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if rows:
        parts.append("\n".join(["| option | |", "|---|---|", *rows]))
    return parts


def _row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    kind = ""
    if not option.is_flag and not option.count:
        with click.Context(click.Command("")) as context:
            kind = f" `{option.make_metavar(context)}`"
    more = []
    if option.multiple:
        more.append("may be given several times")
    if option.show_default and option.default is not None:
        more.append(f"default: `{option.default}`")
    told = prose(option.help or "") + (f" ({'; '.join(more)})" if more else "")
    return f"| {bars(names + kind)} | {bars(told)} |"
