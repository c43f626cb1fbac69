"""ctk completion: the script with which a shell asks, as click generates it, and how ctk answers.

Whatever goes wrong while a line is completed (no runs, a broken plugin, a config that is none) means no suggestions,
and whatever is printed meanwhile is dropped: nothing may get into the line that somebody is typing.
"""

from __future__ import annotations

import gc
import io
import os
import re
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from ctk.cli.choice import OneOf

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=OneOf(SHELLS))
def completion(shell: str) -> None:
    """Print the script with which a shell completes competitions, components, config keys and runs.

    \b
    eval "$(ctk completion bash)"     in this shell; in ~/.bashrc, in all that follow
    eval "$(ctk completion zsh)"      the same, in ~/.zshrc
    ctk completion fish | source      the same, in ~/.config/fish/config.fish
    """

    of_shell = get_completion_class(shell)
    assert of_shell is not None
    click.echo(of_shell(click.get_current_context().find_root().command, {}, "ctk", "_CTK_COMPLETE").source())


class Silent(ShellComplete):
    """Completion that drops what is raised or printed meanwhile, in a process that does nothing else."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return what click finds; nothing where something goes wrong."""
        gc.disable()  # this and numpy's threads are a fifth of the time that somebody waits for a config key
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            try:
                return super().get_completions(args, incomplete)
            except (Exception, SystemExit):
                return []


@add_completion_class
class Bash(Silent, BashComplete):
    """Completion in bash, which takes words apart at = and : (its manual, COMP_WORDBREAKS)."""

    before = ""
    """The part of the typed word that bash takes for words of its own."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before, and the whole of the one that is typed."""
        at = int(os.environ["COMP_CWORD"])
        pieces = [*split_arg_string(os.environ["COMP_WORDS"]), ""][: at + 1]
        *args, incomplete = re.sub(r"\n?([=:]+)\n?", r"\1", "\n".join(pieces[1:])).split("\n")
        typed = "" if re.fullmatch("[=:]+", pieces[-1]) else pieces[-1]
        self.before = incomplete.removesuffix(typed)
        return args, incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return ``type,value``, without what stands before the last = or :, for bash has that already."""
        return f"{item.type},{item.value.removeprefix(self.before)}"


@add_completion_class
class Zsh(Silent, ZshComplete):
    """Completion in zsh, as click has it."""


@add_completion_class
class Fish(Silent, FishComplete):
    """Completion in fish, as click has it."""
