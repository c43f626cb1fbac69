"""Docstrings as Markdown: paragraphs, aligned terms with their meaning as tables, indented examples as code."""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TERM = re.compile(r"^(?P<term>[\w\"*][^:;]*?)(?P<gap> {2,})(?P<text>\S.*)$")
CODE = 4
"""An indented block that begins a paragraph is code."""


@dataclass
class Row:
    """A term, what it means, and terms that the meaning lists."""

    term: str
    text: list[str]
    nested: list[Row] = field(default_factory=list)


def markdown(docstring: str | None, code: str = "python") -> str:
    """A docstring as Markdown."""
    parts = []
    for lines in paragraphs(inspect.cleandoc(docstring or "")):
        if lines[0].startswith(" " * CODE):
            parts.append(f"```{code}\n{inspect.cleandoc(chr(10).join(lines))}\n```")
            continue
        first = next((n for n, line in enumerate(lines) if starts_table(lines, n)), len(lines))
        if first:
            parts.append(prose(" ".join(line.strip() for line in lines[:first])))
        if first < len(lines):
            parts.append(table(rows(lines[first:])))
    return "\n\n".join(parts)


def terms(docstring: str | None) -> dict[str, str]:
    """What each term of a docstring's tables means; of ``a, b  text`` both."""
    found: dict[str, str] = {}
    for lines in paragraphs(inspect.cleandoc(docstring or "")):
        first = next((n for n, line in enumerate(lines) if starts_table(lines, n)), len(lines))
        for row in rows(lines[first:]):
            found |= {term.strip(): cell(row) for term in row.term.split(",")}
    return found


def paragraphs(text: str) -> Iterator[list[str]]:
    """Runs of lines without an empty one; those of an indented block hold together."""
    run: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.strip():
            run.append(line)
        elif run and not (
            run[0].startswith(" " * CODE)
            and lines[number + 1 : number + 2]
            and lines[number + 1].startswith(" " * CODE)
        ):
            yield run
            run = []
        elif run:
            run.append("")
    if run:
        yield run


def starts_table(lines: list[str], number: int) -> bool:
    """Whether this line is a term and its meaning: a wide gap in it, at the paragraph's own indent."""
    return bool(TERM.match(lines[number]))


def rows(lines: list[str]) -> list[Row]:
    """The rows of a table: lines at the first one's indent, each with the deeper ones after it."""
    found: list[Row] = []
    base = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    column = 0
    deeper: list[str] = []

    def close() -> None:
        if deeper:
            found[-1].nested = rows(list(deeper))
            deeper.clear()

    for line in lines:
        indent = len(line) - len(line.lstrip())
        if indent <= base:
            close()
            term, text, column = _split(line.strip(), column - base)
            column += base
            found.append(Row(term, [text]))
        elif indent >= column - 1 or (not deeper and not TERM.match(line.strip())):
            found[-1].text.append(line.strip()) if not deeper else deeper.append(line)
        else:
            deeper.append(line)
    close()
    return found


def _split(line: str, column: int) -> tuple[str, str, int]:
    """Term, meaning and the meaning's column; one space is enough where the meaning stands in the same column."""
    if match := TERM.match(line):
        return match["term"], match["text"], match.start("text")
    if 0 < column < len(line) and line[column - 1] == " " and line[column] != " ":
        return line[: column - 1].strip(), line[column:], column
    first, _, rest = line.partition(" ")
    return first, rest, column


def table(found: list[Row]) -> str:
    """Rows as a Markdown table without a header's words."""
    lines = ["| | |", "|---|---|"]
    lines += [f"| {', '.join(f'`{term.strip()}`' for term in row.term.split(','))} | {cell(row)} |" for row in found]
    return "\n".join(lines)


def cell(row: Row) -> str:
    """A meaning on one line."""
    text = prose(" ".join(row.text))
    for each in row.nested:
        text += f"<br>`{each.term}`: {cell(each)}"
    return bars(text)


def bars(text: str) -> str:
    """Markdown with what would end a cell of a table written otherwise: a bar cannot be escaped inside of code."""
    parts = re.split(r"(`[^`]+`)", text)
    parts[::2] = [part.replace("|", "\\|") for part in parts[::2]]
    parts[1::2] = [
        f"<code>{html.escape(part[1:-1], quote=False).replace('|', '&#124;')}</code>" if "|" in part else part
        for part in parts[1::2]
    ]
    return "".join(parts)


def prose(text: str) -> str:
    """Double backticks are Markdown's single ones; what looks like HTML or emphasis is shown as it is."""
    text = re.sub(r"``(.+?)``", r"`\1`", text)
    parts = text.split("`")
    parts[::2] = [re.sub(r"(?<!\w)_|_(?!\w)|[*<]", r"\\\g<0>", part) for part in parts[::2]]
    return "`".join(parts)
