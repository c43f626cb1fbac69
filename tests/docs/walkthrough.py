"""Walks through a page as its reader would: types its commands, saves its files, makes its changes.

    ```console        lines with "$ " are typed into one shell, the others have to be printed, in this order
    ```LANG title=F   the file F, whole
    ```diff title=F   a change of the file F

Printed lines are compared loosely: "..." stands for anything, also for further lines, and one digit for any number.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pages import Block, blocks

END = "@@ended"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Shell:
    """One bash, as of a reader who does not close the terminal."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, command: str) -> tuple[int, str]:
        """Exit status and everything printed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\nstatus=$?; echo; echo {END} $status\n")
        self.process.stdin.flush()
        printed = []
        for line in self.process.stdout:
            if line.startswith(END):
                return int(line.split()[1]), "".join(printed)
            printed.append(line)
        raise AssertionError(f"the shell ended in: {command}\n{''.join(printed)}")

    def folder(self) -> Path:
        """Where it is now."""
        return Path(self.type("pwd")[1].strip())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)


class Typed(NamedTuple):
    """A command and the lines shown below it."""

    command: str
    shown: list[str]


def commands(block: Block) -> Iterator[Typed]:
    """What a console block has typed. A line that ends in a backslash goes on."""
    typed: Typed | None = None
    for line in re.sub(r"\\\n(?:> )?\s*", "", block.text).splitlines():
        if line.startswith("$ "):
            if typed is not None:
                yield typed
            typed = Typed(line.removeprefix("$ "), [])
        elif typed is not None and line.strip():
            typed.shown.append(line)
    if typed is not None:
        yield typed


def walk(page: str, folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Do all that a page says; returns the commands. Raises AssertionError where one fails or prints something else.

    A command whose shown output ends in a line "exit status 1" has to end with that.
    """
    shell = Shell(folder, {**os.environ, **environment})
    done = []
    try:
        for block in blocks(page):
            if block.language == "console":
                for command, shown in commands(block):
                    wanted = 0
                    if shown and (status := re.fullmatch(r"exit status (\d+)", shown[-1])):
                        wanted, shown = int(status[1]), shown[:-1]
                    status, printed = shell.type(command)
                    assert status == wanted, f"$ {command}\n{printed}\nexit status {status}"
                    compare(command, shown, printed)
                    done.append(command)
            elif block.title and block.title != "Output":
                path = shell.folder() / block.title
                if block.language == "diff":
                    path.write_text(changed(path.read_text(), block.text, path))
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(block.text)
    finally:
        shell.close()
    return done


def changed(text: str, diff: str, path: Path) -> str:
    """A file with the changes of a diff without line numbers; lines "..." part its hunks."""
    for hunk in re.split(r"^\.\.\.\n", diff, flags=re.MULTILINE):
        lines = hunk.splitlines()
        old = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
        new = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
        assert text.count(old) == 1, f"{path} has this {text.count(old)} times:\n{old}"
        text = text.replace(old, new)
    return text


def compare(command: str, shown: list[str], printed: str) -> None:
    """Every shown line is printed, in order."""
    lines = [" ".join(COLOUR.sub("", line).split()) for line in printed.splitlines()]
    place = 0
    for line in shown:
        if line.strip() == "...":
            continue
        wanted = pattern(line)
        found = next((n for n in range(place, len(lines)) if wanted.fullmatch(lines[n])), None)
        assert found is not None, f"$ {command}\nprinted\n{printed}\nand not, or not in this order,\n{line}"
        place = found + 1


def pattern(line: str) -> re.Pattern[str]:
    """A shown line as an expression."""
    text = re.escape(" ".join(line.split())).replace(re.escape("..."), ".*")
    return re.compile(re.sub(r"\d+", r"\\d+", text))
