"""Say whose work the pictures are: the game's own list of authors and licences, for what can be seen in them.

    python -m supertuxkart.notice COPYRIGHT OUT TRACK...

COPYRIGHT is the list that Debian's package of the game's data carries (usr/share/doc/supertuxkart-data/copyright). OUT
is written: each paragraph that names a file of one of the tracks, a kart, or what all tracks share.
"""

from __future__ import annotations

import sys
from pathlib import Path

SHARED = ("karts/", "models/", "textures/", "library/", "gfx/")


def main() -> None:
    """Write the list."""
    source, out, *tracks = sys.argv[1:]
    shown = (*SHARED, *(f"tracks/{track}/" for track in tracks))
    text = Path(source).read_text(encoding="utf-8")
    found = "\n\n".join(paragraph for paragraph in text.split("\n\n") if concerns(paragraph, shown))
    Path(out).write_text(found.strip() + "\n", encoding="utf-8")


def concerns(paragraph: str, shown: tuple[str, ...]) -> bool:
    """Say whether a paragraph is about files that can be seen in the pictures."""
    files = paragraph.partition("Copyright:")[0]
    return paragraph.startswith("Files:") and any(f"data/{start}" in files for start in shown)


if __name__ == "__main__":
    main()
