"""Tables of words: on a narrow screen their cells stand below one another, labelled, instead of off the screen."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

WORDS = 24
"""Letters in a cell that make it one of words rather than of numbers."""


class StackedTables(Extension):
    """Marks tables of words with ``data-stack``, and their cells with ``data-label``, what their column is called.

    The first column names the row, and a last one of words explains it: both need no label.
    """

    def extendMarkdown(self, md: Markdown) -> None:
        """Look at tables when what is in their cells was parsed."""
        md.treeprocessors.register(_Tables(md), "stacked-tables", 5)


class _Tables(Treeprocessor):
    def run(self, root: Element) -> None:
        for table in root.iter("table"):
            rows = [list(row) for row in table.findall("tbody/tr")]
            if not any(_of_words(cell) for row in rows for cell in row[1:]):
                continue
            table.set("data-stack", "")
            head = [_text(cell) for cell in table.iter("th")]
            end = -1 if any(_of_words(row[-1]) for row in rows) else len(head)
            for row in rows:
                for name, cell in list(zip(head, row, strict=False))[1:end]:
                    cell.set("data-label", name)


def _of_words(cell: Element) -> bool:
    return len(_text(cell)) > WORDS and "right" not in cell.get("style", "")


def _text(cell: Element) -> str:
    return "".join(cell.itertext()).strip()
