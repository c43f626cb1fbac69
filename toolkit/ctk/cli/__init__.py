"""The command line: one file a verb, each thin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ctk import __version__
from ctk.cli import bench, blend, data, doctor, plugins, run, runs, score
from ctk.cli import list as listing
from ctk.errors import CtkError

if TYPE_CHECKING:
    from ctk.plugins import Component


class Group(click.Group):
    """Turns the errors a user can cause into their sentences and exit codes; knows near names and plugins' commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The core's commands and those of plugins, by name."""
        from ctk.plugins import plugins as known

        return sorted({*super().list_commands(ctx), *known().all("commands")})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The core's own, else a plugin's: a stand-in that is imported when it is used."""
        from ctk.plugins import plugins as known

        if (own := super().get_command(ctx, cmd_name)) is not None:
            return own
        offered = known().all("commands").get(cmd_name)
        return None if offered is None else Offered(offered)

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


class Offered(click.Command):
    """A plugin's command: known by name and one line until it is invoked."""

    def __init__(self, component: Component) -> None:
        super().__init__(component.name, help=component.about)
        self.component = component

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Import the command and let it parse its own line."""
        command: click.Command = self.component.load()
        return command.make_context(info_name, args, parent, **extra)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="ctk")
def cli() -> None:
    """From a competition's raw data to a validated submission."""


for command in (
    listing.list_,
    listing.info,
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
    """The console script."""
    try:
        cli()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
