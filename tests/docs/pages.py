"""The fenced blocks of a page, as its reader would type them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its title (a file's name, or "Output"), its text."""

    language: str
    title: str
    text: str


def blocks(page: str) -> list[Block]:
    """The blocks of docs/<page>, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        lines = [line.removeprefix(match["indent"]) for line in match["text"].splitlines()]
        found.append(Block(match["language"], match["title"] or "", "\n".join(lines) + "\n"))
    return found
