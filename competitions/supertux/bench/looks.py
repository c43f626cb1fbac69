"""How many karts and captions the homework's square cuts away: of 150 x 100 pixels the middle 100 columns are seen.

    python competitions/supertux/bench/looks.py FOLDER [FOLDER ...]

Each folder holds *_info.json. A kart is gone where no column of its box is in the square, and cut where some are not. A
caption is hidden where the kart that it names is gone; of a count, where any is. What that costs a network is measured
by `ctk run tux-clip --preset looks`: the same towers trained and graded with either look.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from ctk_supertux.columns import HEIGHT, WIDTH

LEFT, RIGHT = (WIDTH - HEIGHT) // 2, (WIDTH + HEIGHT) // 2
SCALE, LEAST, KART = 0.25, 5, 1


def main() -> None:
    """Print a line a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    for folder in parser.parse_args().folders:
        counts = Counter[str]()
        for path in sorted(folder.glob("*_info.json")):
            for boxes in json.loads(path.read_text())["detections"]:
                counts.update(of_view(boxes))
        karts, views, others = (max(1, counts[name]) for name in ("kart", "view", "other"))
        print(
            f"{folder}: {views:,} views, {karts:,} karts;"
            f" gone {counts['gone'] / karts:.1%}, cut {counts['cut'] / karts:.1%};"
            f" hidden of captions: count {counts['count'] / views:.1%}, ego {counts['ego'] / views:.1%},"
            f" relative {counts['relative'] / others:.1%}"
        )


def of_view(boxes: list[list[int]]) -> Counter[str]:
    """Count the karts of a view that are large enough to be asked about, and what the square hides of them."""
    scaled = [[int(each * SCALE) for each in box[2:]] for box in boxes if box[0] == KART]
    kept = [box for box in scaled if box[2] - box[0] >= LEAST and box[3] - box[1] >= LEAST]
    if not kept:
        return Counter()
    apart = [((a + c) / 2 - WIDTH / 2) ** 2 + ((b + d) / 2 - HEIGHT / 2) ** 2 for a, b, c, d in kept]
    ego = apart.index(min(apart))
    gone = [c <= LEFT or a >= RIGHT for a, _, c, _ in kept]
    cut = [not lost and (a < LEFT or c > RIGHT) for (a, _, c, _), lost in zip(kept, gone, strict=True)]
    return Counter(
        view=1, kart=len(kept), other=len(kept) - 1, gone=sum(gone), cut=sum(cut),
        count=any(gone), ego=gone[ego], relative=sum(gone) - gone[ego],
    )  # fmt: skip


if __name__ == "__main__":
    main()
