"""Python on the pages runs, and prints what stands below it."""

from collections.abc import Iterator

import pytest
from pages import DOCS, blocks


def runnable() -> Iterator[str]:
    """Pages with code that is whole: a block of Python that is no file, outside of the parts made from the code."""
    for path in sorted(DOCS.rglob("*.md")):
        page = path.relative_to(DOCS).as_posix()
        if not page.startswith("reference/") and any(is_code(block) for block in blocks(page)):
            yield page


def is_code(block):
    """Signatures, which the pages of ops also show, are no code: they end where the body begins."""
    return block.language == "python" and not block.title and not block.text.startswith("def ")


def write_files(page, folder):
    for block in blocks(page):
        if block.language == "python" and block.title.endswith(".py"):
            path = folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)


PAGES = list(runnable())


def test_there_are_examples_on_every_page_of_an_op():
    ops = {path.relative_to(DOCS).as_posix() for path in (DOCS / "ops").glob("*.md")} - {"ops/index.md"}
    assert ops <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_examples_print_what_the_page_says(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    write_files(page, tmp_path)
    space = {"__name__": "page"}
    shown = blocks(page)
    for number, block in enumerate(shown):
        if not is_code(block):
            continue
        exec(compile(block.text, f"{page}, block {number}", "exec"), space)
        printed = capsys.readouterr().out
        after = shown[number + 1] if number + 1 < len(shown) else None
        if after is not None and after.title == "Output":
            assert printed == after.text
        else:
            assert printed == ""
