"""The command line: one file a verb, each thin."""

from __future__ import annotations

import sys
from typing import Any

import click

from ctk import __version__
from ctk.cli import bench, blend, data, doctor, list, plugins, run, runs, score
from ctk.errors import CtkError


class Group(click.Group):
    """Turns the errors a user can cause into their sentences and exit codes, and knows near names of commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a CtkError ends it with its exit code and no traceback."""
        try:
            return super().invoke(ctx)
        except CtkError as error:
            click.secho(error.problem, fg="red", err=True)
            if error.help:
                click.echo(error.help, err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.secho("Interrupted.", fg="red", err=True)
            ctx.exit(1)

    def resolve_command(self, ctx: click.Context, args: Any) -> Any:
        """As click does, with the nearest command for one that does not exist."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from ctk.errors import nearest

            raise click.UsageError(f"{error.message} {nearest(args[0], self.list_commands(ctx), 'commands')}") from None


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="ctk")
def cli() -> None:
    """From a competition's raw data to a validated submission."""


for command in (
    list.list_,
    list.info,
    run.run,
    blend.blend,
    score.validate,
    score.score,
    data.data,
    runs.runs,
    runs.show,
    plugins.plugins_,
    doctor.doctor,
    bench.bench,
):
    cli.add_command(command)


def main() -> None:
    """The console script: plugins may add commands of their own before the line is read."""
    from ctk.plugins import plugins as loaded

    for problem in loaded().call("ctk_register_commands", cli=cli):
        click.secho(problem, fg="yellow", err=True)
    try:
        cli()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
