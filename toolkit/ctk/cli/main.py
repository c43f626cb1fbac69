"""The group of all commands, and the console script."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ctk import __version__
from ctk.cli import (
    shell,  # noqa: F401  # the shells that click completes for
    terminal,
)
from ctk.errors import CtkError, near, nearest
from ctk.files import explain
from ctk.plugins import Component, built_in, onefile, plugins, tracing
from ctk.plugins.calls import left_calls
from ctk.plugins.plugin import OTHERS
from ctk.training import torchrun

if TYPE_CHECKING:
    from ctk.plugins.guard import Guard

PLUGIN_COMMAND = "ctk.plugin_command"
"""In click's contexts: the name of the plugin's command that is at work, where it is one."""
OF_CLICK = (click.ClickException, click.exceptions.Exit, click.Abort)
"""How click itself ends a command."""


class CommandGroup(click.Group):
    """The commands that plugins offer, the core's first; turns errors of users into their sentences and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands by name; one that is named as the core's has its distribution before it."""
        return sorted(plugins().known("commands"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a stand-in, which imports the command when it is used. The core's are there however plugins are."""
        if (own := built_in().known("commands").get(cmd_name)) is not None:
            return StandIn(cmd_name, own)
        offered = plugins().known("commands").get(cmd_name) or plugins().all("commands").get(cmd_name)
        return None if offered is None else PluginStandIn(cmd_name, offered)

    def make_context(self, *given: Any, **named: Any) -> click.Context:
        """Parse the line, print what --help and --version say; of an interruption click would say "Aborted!"."""
        try:
            return super().make_context(*given, **named)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(_print_interruption()) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a CtkError ends it with its exit code and no traceback."""
        for call in left_calls():
            click.secho(f"A command before this one ended without a word while {call}.", fg="yellow", err=True)
        try:
            return super().invoke(ctx)
        except CtkError as error:
            ctx.exit(_print_error(error))
        except KeyboardInterrupt:
            ctx.exit(_print_interruption())
        except Exception as error:
            explained = explain(error, Path(getattr(error, "filename", None) or "."))
            if isinstance(explained, CtkError):
                ctx.exit(_print_error(explained))
            name = ctx.meta.get(PLUGIN_COMMAND)
            if name is None or isinstance(error, OF_CLICK):
                raise
            ctx.exit(_print_error(_guard_of(name).failure(error, "running")))

    def resolve_command(self, ctx: click.Context, args: Any) -> Any:
        """Find the command that a line names. Raises click.UsageError, with the nearest command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            known = self.list_commands(ctx)
            help = near(args[0], known) or f"{nearest(args[0], known, 'commands')} {OTHERS}"
            raise click.UsageError(f"{error.message} {help}") from None


class StandIn(click.Command):
    """A command known by its name and one line, until it is invoked or completed."""

    def __init__(self, name: str, component: Component) -> None:
        super().__init__(name, help=component.about)
        self.component = component

    def load(self, parent: click.Context | None) -> click.Command:
        """Import the command."""
        command: click.Command = self.component.load()
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Import the command and let it parse its own line."""
        return self.load(parent).make_context(info_name, args, parent, **extra)


class PluginStandIn(StandIn):
    """A plugin's command: what goes wrong in it is told as its plugin's."""

    def load(self, parent: click.Context | None) -> click.Command:
        """Import the command. Raises CtkError for what is none."""
        guard = _guard_of(str(self.name))
        command: click.Command = guard.call("make", guard.load)
        if parent is not None:
            parent.meta[PLUGIN_COMMAND] = str(self.name)
        return command


def _guard_of(name: str) -> Guard:
    from ctk.plugins.guard import Guard  # late: it imports numpy, and `ctk --help` should not wait for it

    return Guard("commands", name)


def _add_plugin_folders(context: click.Context, option: click.Parameter, folders: tuple[Path, ...]) -> None:
    """Name the folders in the environment, so that worker processes find the same plugins."""
    if folders:
        named = os.environ.get(onefile.VARIABLE)
        found = [*(str(folder.resolve()) for folder in folders), *([named] if named else [])]
        os.environ[onefile.VARIABLE] = os.pathsep.join(found)
        onefile.mount()


def _trace_plugins(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        os.environ[tracing.VARIABLE] = "1"


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="ctk")
@click.option(
    "--plugins-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_add_plugin_folders,
    help="Folder of one-file plugins, *.py, beside those in ./ctk_plugins.",
)
@click.option(
    "--trace-plugins",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_trace_plugins,
    help="Tell of each call into a plugin, with its time, on stderr.",
)
@click.pass_context
def cli(context: click.Context) -> None:
    """From a competition's raw data to a validated submission."""
    if torchrun.own_rank() is not None and context.invoked_subcommand != "run":
        torchrun.refuse_torchrun(f"`ctk {context.invoked_subcommand}`")


def _print_error(error: CtkError) -> int:
    """Print what is wrong and what helps; returns the exit code."""
    click.secho(error.problem, fg="red", err=True)
    if error.help:
        click.echo(error.help, err=True)
    return error.exit_code


def _print_interruption() -> int:
    """Say that the command was interrupted, unless by the loss of stdout, which was told; returns the exit code."""
    if not terminal.is_lost():
        click.secho("Interrupted.", fg="red", err=True)
    return 1


def _leave_notebook() -> None:
    """Forget the backend that a notebook's kernel hands down: matplotlib, which Lightning imports, may lack it here."""
    backend = os.environ.get("MPLBACKEND", "")
    if backend.startswith("module://") or backend in ("inline", "ipympl", "widget"):
        del os.environ["MPLBACKEND"]


def main() -> None:
    """Run the command line; the console script."""
    torchrun.silence_followers()
    # Looking for plugins of its own, pydantic reads the entry points of every distribution, and a damaged one ends it.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    _leave_notebook()
    with terminal.prepared_streams():
        try:
            cli()
        except CtkError as error:  # before a command was found: in --help, say
            sys.exit(_print_error(error))
