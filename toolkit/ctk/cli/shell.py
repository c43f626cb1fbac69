"""ctk completion: the script that lets a shell complete, and what the shells' own ways ask for.

Whatever goes wrong while a line is completed (no runs, a broken plugin, a config that is none) means no suggestions,
and whatever is printed meanwhile is dropped: nothing may get into the line that somebody is typing.
"""

from __future__ import annotations

import gc
import io
import os
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

from ctk.cli.words import OneOf

SHELLS = {
    "bash": ("~/.bashrc", 'eval "$(ctk completion bash)"'),
    "zsh": ("~/.zshrc", 'eval "$(ctk completion zsh)"'),
    "fish": ("~/.config/fish/config.fish", "ctk completion fish | source"),
}
"""Where a line makes completion work from then on, and the line."""
BREAKS = frozenset("=:")
"""At these bash takes words apart (Bash reference manual, COMP_WORDBREAKS) of those that are in ours."""


@click.command()
@click.argument("shell", type=OneOf(list(SHELLS)))
def completion(shell: str) -> None:
    """Print the script with which a shell completes competitions, components, config keys and runs.

    Its first lines say where to put what.

    \b
    ctk completion bash
    eval "$(ctk completion bash)"     in this shell; in ~/.bashrc, in all that follow
    """

    of_shell = get_completion_class(shell)
    assert of_shell is not None
    source = of_shell(click.get_current_context().find_root().command, {}, "ctk", "_CTK_COMPLETE").source().strip("\n")
    file, line = SHELLS[shell]
    how = f"# Completion of ctk. To have it in every {shell}, put this line into {file}:\n#     {line}"
    first, _, rest = source.partition("\n")
    # zsh looks for #compdef in the first line where the script is a file in its fpath.
    click.echo(f"{first}\n{how}\n{rest}" if first.startswith("#compdef") else f"{how}\n{source}")


class Silent(ShellComplete):
    """Drops what is raised or printed while completions are looked for, in a process that does nothing else."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """As click finds them; none where something goes wrong."""
        gc.disable()  # this and numpy's threads are a fifth of the time that somebody waits for a config key
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            try:
                return super().get_completions(args, incomplete)
            except (Exception, SystemExit):
                return []


@add_completion_class
class Bash(Silent, BashComplete):
    """Words that bash took apart are put together before click sees them, and of what is found bash gets the rest.

    Where a key is completed that something must follow, no blank is put behind it.
    """

    source_template = BashComplete.source_template.replace(
        "    return 0\n",
        "    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[.=:] ]]; then\n"
        "        compopt -o nospace\n"
        "    fi\n\n    return 0\n",
        1,
    )
    before = ""
    """Of the word that is typed, what bash takes for words of their own."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before, and the whole of the one that is typed."""
        pieces = split_arg_string(os.environ["COMP_WORDS"])
        at = int(os.environ["COMP_CWORD"])
        words: list[list[str]] = []
        for piece in pieces[: at + 1]:
            if words and (_breaks(piece) or _breaks(words[-1][-1])):
                words[-1].append(piece)
            else:
                words.append([piece])
        if at >= len(pieces):
            words.append([""])
        *earlier, typed = words
        self.before = "".join(typed if _breaks(typed[-1]) else typed[:-1])
        return ["".join(word) for word in earlier[1:]], "".join(typed)

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """``type,value``, without what is before."""
        return f"{item.type},{item.value.removeprefix(self.before)}"


@add_completion_class
class Zsh(Silent, ZshComplete):
    """As click has it, but that no blank is put behind a key that something must follow (-S is what is put there)."""

    source_template = ZshComplete.source_template.replace(
        "        _describe -V unsorted completions_with_descriptions -U\n",
        "        local -a open=(${(M)completions_with_descriptions:#*[.=]:*})\n"
        "        local -a whole=(${completions_with_descriptions:#*[.=]:*})\n"
        "        (( $#open )) && _describe -V open open -U -S ''\n"
        "        (( $#whole )) && _describe -V unsorted whole -U\n",
        1,
    ).replace(
        "        compadd -U -V unsorted -a completions\n",
        "        compadd -U -V open -S '' -- ${(M)completions:#*[.=]}\n"
        "        compadd -U -V unsorted -- ${completions:#*[.=]}\n",
        1,
    )


@add_completion_class
class Fish(Silent, FishComplete):
    """As click has it; fish itself puts no blank behind a dot or an equals sign."""


def _breaks(piece: str) -> bool:
    return bool(piece) and BREAKS.issuperset(piece)
