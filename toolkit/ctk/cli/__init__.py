"""The command line: one file a verb, each thin."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from ctk import __version__
from ctk.cli import (
    ablate,
    bench,
    blend,
    cv,
    data,
    doctor,
    install,
    leaderboard,
    new,
    plugins,
    run,
    runs,
    score,
    shell,
    submit,
)
from ctk.cli import list as listing
from ctk.errors import CtkError
from ctk.training import torchrun

OFFERED = "ctk.offered"
"""In click's contexts: the name of the plugin's command that is at work, where it is one."""
OF_CLICK = (click.ClickException, click.exceptions.Exit, click.Abort)
"""How click itself ends a command."""


class Group(click.Group):
    """Turns the errors a user can cause into their sentences and exit codes; knows near names and plugins' commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The core's commands and those of plugins, by name."""
        from ctk.plugins import plugins as loaded

        return sorted({*super().list_commands(ctx), *loaded().known("commands")})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The core's own, else a plugin's: a stand-in that is imported when it is used."""
        from ctk.plugins import plugins as loaded

        if (own := super().get_command(ctx, cmd_name)) is not None:
            return own
        offered = loaded().known("commands").get(cmd_name) or loaded().all("commands").get(cmd_name)
        return None if offered is None else Offered(cmd_name, help=offered.about)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a CtkError ends it with its exit code and no traceback."""
        try:
            return super().invoke(ctx)
        except CtkError as error:
            ctx.exit(_told(error))
        except KeyboardInterrupt:
            click.secho("Interrupted.", fg="red", err=True)
            ctx.exit(1)
        except Exception as error:
            offered = ctx.meta.get(OFFERED)
            if offered is None or isinstance(error, (*OF_CLICK, BrokenPipeError)):
                raise
            from ctk.plugins.guard import Guard

            ctx.exit(_told(Guard("commands", offered).failure(error, "running")))

    def resolve_command(self, ctx: click.Context, args: Any) -> Any:
        """As click does, with the nearest command for one that does not exist."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from ctk.errors import near, nearest
            from ctk.plugins.plugin import OTHERS

            known = self.list_commands(ctx)
            help = near(args[0], known) or f"{nearest(args[0], known, 'commands')} {OTHERS}"
            raise click.UsageError(f"{error.message} {help}") from None


class Offered(click.Command):
    """A plugin's command: known by name and one line until it is invoked."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Import the command and let it parse its own line."""
        from ctk.plugins import plugins as loaded

        command = loaded().load("commands", str(self.name))
        if not isinstance(command, click.Command):
            from ctk.plugins.guard import Guard, Wrong

            wrong = Wrong(f"is a {type(command).__name__}, and a click.Command is needed")
            raise Guard("commands", str(self.name)).failure(wrong, "being made")
        if parent is not None:
            parent.meta[OFFERED] = str(self.name)
        return command.make_context(info_name, args, parent, **extra)


def _find_in(context: click.Context, option: click.Parameter, folders: tuple[Path, ...]) -> None:
    """Through the environment, so that worker processes find the same plugins."""
    from ctk.plugins import onefile

    if folders:
        named = os.environ.get(onefile.VARIABLE)
        found = [*(str(folder.resolve()) for folder in folders), *([named] if named else [])]
        os.environ[onefile.VARIABLE] = os.pathsep.join(found)
        onefile.mount()


def _trace(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    from ctk.plugins import tracing

    if wanted:
        os.environ[tracing.VARIABLE] = "1"


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="ctk")
@click.option(
    "--plugins-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_find_in,
    help="Folder of one-file plugins, *.py, beside those in ./ctk_plugins.",
)
@click.option(
    "--trace-plugins",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_trace,
    help="Tell of each call into a plugin, with its time, on stderr.",
)
@click.pass_context
def cli(context: click.Context) -> None:
    """From a competition's raw data to a validated submission."""
    if torchrun.launched() is not None and context.invoked_subcommand != run.run.name:
        torchrun.refuse(f"`ctk {context.invoked_subcommand}`")


for command in (
    listing.list_,
    listing.info,
    run.run,
    cv.cv,
    ablate.ablate,
    blend.blend,
    score.validate,
    score.score,
    submit.submit,
    leaderboard.leaderboard,
    data.data,
    runs.runs,
    runs.show,
    new.new,
    plugins.plugins_,
    install.install,
    install.uninstall,
    shell.completion,
    doctor.doctor,
    bench.bench,
):
    cli.add_command(command)


def _told(error: CtkError) -> int:
    click.secho(error.problem, fg="red", err=True)
    if error.help:
        click.echo(error.help, err=True)
    return error.exit_code


def main() -> None:
    """The console script."""
    torchrun.quiet_followers()
    try:
        cli()
    except CtkError as error:  # before a command was found: in --help, say
        sys.exit(_told(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
