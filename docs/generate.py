"""The pages, and parts of pages, that are made from the code.

python docs/generate.py           writes them
python docs/generate.py --check   exit code 1, naming the pages that differ from the code
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from making import calls, commands, reference, regions, settings

DOCS = Path(__file__).parent
MARK = "<!-- Made by docs/generate.py from the code: change that, and run it again. -->\n\n"


def pages() -> dict[Path, str]:
    """Every page that is made or has a made part, as it should be."""
    made = {
        "reference/hooks.md": reference.hooks,
        **{f"reference/{page}.md": partial(reference.face, face) for face, page in reference.FACES.items()},
        "reference/cli.md": commands.page,
        "reference/config.md": settings.page,
        "guide/file-by-file.md": calls.page,
    }
    found = {DOCS / name: MARK + make() for name, make in made.items()}
    for path in sorted(DOCS.rglob("*.md")):
        if path not in found:
            text = path.read_text(encoding="utf-8")
            if (filled := regions.fill(text)) != text or regions.REGION.search(text):
                found[path] = filled
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page differs")
    check = parser.parse_args().check
    differing = []
    for path, text in pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            differing.append(path.relative_to(DOCS.parent).as_posix())
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for name in differing:
        print(f"{name} {'differs from the code: run python docs/generate.py' if check else 'written'}")
    sys.exit(1 if check and differing else 0)


if __name__ == "__main__":
    main()
