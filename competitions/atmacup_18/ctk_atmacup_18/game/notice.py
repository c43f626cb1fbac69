"""Say whose work the pictures are: the game's own list of authors and licences, for what can be seen in them.

    python -m ctk_atmacup_18.game.notice COPYRIGHT

COPYRIGHT is the list that Debian's package of the game's data carries (usr/share/doc/supertuxkart-data/copyright).
Writes data/licences.txt: each paragraph that names a file of a track we drive on, a kart, or what all tracks share.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ctk_atmacup_18.embedded import PACKED
from ctk_atmacup_18.game.drive import SEEN, UNSEEN

SHOWN = ("karts/", "models/", "textures/", "library/", "gfx/", *(f"tracks/{track}/" for track in (*SEEN, *UNSEEN)))


def main() -> None:
    """Write the list into the package."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    shown = "\n\n".join(paragraph for paragraph in text.split("\n\n") if concerns(paragraph))
    (PACKED.parent / "licences.txt").write_text(shown.strip() + "\n", encoding="utf-8")


def concerns(paragraph: str) -> bool:
    """Say whether a paragraph is about files that can be seen in the pictures."""
    files = paragraph.partition("Copyright:")[0]
    return paragraph.startswith("Files:") and any(f"data/{start}" in files for start in SHOWN)


if __name__ == "__main__":
    main()
