"""Pack recorded frames into the archive that the package carries, with graded files made by the label rules.

    python -m ctk_supertux.game.pack FRAMES OUT.zip [--train 290]

FRAMES has train/ and valid/ as ``drive`` left them. Of training frames the first are taken, which are of all tracks.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import zipfile
from pathlib import Path

from ctk_supertux.columns import CAPTIONS, DEMO, GRADED, GRADED_PAIRS, TRAIN, VALID
from ctk_supertux.labels import ask, caption, label_files, list_infos, write_captions, write_graded, write_pairs

EPOCH = (2026, 1, 1, 0, 0, 0)  # of the archive's entries: the same frames give the same bytes
DEMO_ROWS = 5


def main() -> None:
    """Write the archive and say how much is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", type=int, default=290, help="training frames that there is room for")
    options = parser.parse_args()
    chosen = {TRAIN: list_infos(options.frames / TRAIN)[: options.train], VALID: list_infos(options.frames / VALID)}
    with tempfile.TemporaryDirectory() as graded, zipfile.ZipFile(options.out, "w") as archive:
        made = grade(Path(graded), chosen)
        for part, infos in chosen.items():
            for info in infos:
                for path in [info, *sorted(info.parent.glob(f"{info.name[:5]}_*.jpg"))]:
                    packing = zipfile.ZIP_DEFLATED if path == info else zipfile.ZIP_STORED
                    entry = zipfile.ZipInfo(f"{part}/{path.name}", EPOCH)
                    archive.writestr(entry, path.read_bytes(), packing, 9)
        for path in made:
            entry = zipfile.ZipInfo(str(path.relative_to(graded)), EPOCH)
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    tracks = {part: len({json.loads(path.read_text())["track"] for path in infos}) for part, infos in chosen.items()}
    for part, infos in chosen.items():
        print(f"{part}: {len(infos)} frames of {tracks[part]} tracks")
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


def grade(folder: Path, chosen: dict[str, list[Path]]) -> list[Path]:
    """Write the graded files about the validation's views, and the demonstration's about the training's."""
    valid, train = label_files(chosen[VALID]), label_files(chosen[TRAIN])
    write_graded(folder / GRADED, valid, valid.pictures(VALID))
    pictures = train.pictures(TRAIN)
    asked, said = ask(train), caption(train)
    write_pairs(folder / DEMO / GRADED_PAIRS, asked.take(asked.view.argsort(kind="stable")[:DEMO_ROWS]), pictures)
    write_captions(
        folder / DEMO / f"example{CAPTIONS}", said.take(said.view.argsort(kind="stable")[:DEMO_ROWS]), pictures
    )
    return sorted(path for path in folder.rglob("*.json"))


if __name__ == "__main__":
    main()
