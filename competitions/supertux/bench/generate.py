"""All questions of a homework's training views, out of its info files: ours, a plain per-view script, reading alone.

    python competitions/supertux/bench/generate.py [--frames 5250] [--seconds 60] [--source FOLDER] [--results FOLDER]

Ours is what ``ctk data tux-vlm --generate`` does with labels: it reads and checks the info files, labels all views and
writes one JSON file. The plain script opens a view's info file for each view, as the homework's starter does, goes kart
by kart, and writes the same records by ``json.dump``; "by frame" opens each file once. The floor reads and parses the
JSON files and does nothing with them, by the reader that ctk has, which checks them as well; beside it stands the plain
script's reader. All take turns in one process, on files that lie in the page cache; the error is the share of records
that differ from the plain script's. Info files are synthetic, as large as the homework's, or those
of --source over and over.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ctk.bench.bench_case import BenchCase, Contestant, Verdict
from ctk.bench.measure import measure
from ctk.bench.tables import machine, save
from ctk.cli.bench import print_rows
from ctk_supertux.labels import ask, label_files, list_infos, write_pairs
from ctk_supertux.labels.info import DECODER

VIEWS = 10
BOXES = 22
"""A view's boxes that are no kart's, in the homework's files on average."""
DIRECTIONS = ("to the left of", "to the right of", "in front of", "behind")
Record = dict[str, str]


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=5250)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--source", type=Path, help="folder of info files; left out, they are synthetic")
    parser.add_argument("--results", type=Path, help="folder of the CSV tables; left out, nothing is kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ctk-bench-") as folder:
        place = Path(folder)
        write_infos(place / "train", given.frames, given.source)
        measured = measure("generating questions", case(place, given.frames, given.seconds))
        print_rows(measured)
        for row in measured:
            if row.p50_ms is not None:
                print(f"{row.contestant:34}{1e3 * given.frames * VIEWS / row.p50_ms:14,.0f} views/s")
    if given.results:
        save(measured, machine(), given.results)


def case(place: Path, frames: int, seconds: float) -> BenchCase:
    """Every contestant but the floor leaves a file of records."""
    train = place / "train"
    by_frame(train, place / "right.json")
    right = _ordered(place / "right.json")
    contestants = [
        Contestant("reading alone, ctk's reader", lambda: partial(parse, train, DECODER.decode), "floor"),
        Contestant("reading alone, json.loads", lambda: partial(parse, train, json.loads)),
        Contestant("ctk", lambda: partial(ours, train, place / "ours_qa_pairs.json"), "ctk"),
        Contestant("plain script, by view", lambda: partial(by_view, train, place / "view.json")),
        Contestant("plain script, by frame", lambda: partial(by_frame, train, place / "frame.json")),
    ]

    def judge(path: Path | None) -> Verdict:
        if path is None:
            return Verdict()
        records = _ordered(path)
        return Verdict(error=sum(a != b for a, b in zip(records, right, strict=True)) / len(right))

    return BenchCase(f"{frames * VIEWS:,} views, {len(right):,} questions", "cpu", contestants, judge, seconds)


def ours(train: Path, out: Path) -> Path:
    """What ``--generate`` does."""
    views = label_files(list_infos(train))
    write_pairs(out, ask(views), views.pictures("train"))
    return out


def parse(train: Path, parser: Callable[[bytes], Any]) -> None:
    """Read all of the labels, and leave them."""
    for path in sorted(train.glob("*_info.json")):
        parser(path.read_bytes())


def by_view(train: Path, out: Path) -> Path:
    """One view after another, each with its info file opened anew."""
    records: list[Record] = []
    for path in sorted(train.glob("*_info.json")):
        for view in range(VIEWS):
            records += ask_plainly(json.loads(path.read_text()), path.name[:5], view)
    with out.open("w") as file:
        json.dump(records, file)
    return out


def by_frame(train: Path, out: Path) -> Path:
    """One frame after another."""
    records: list[Record] = []
    for path in sorted(train.glob("*_info.json")):
        info = json.loads(path.read_text())
        for view in range(VIEWS):
            records += ask_plainly(info, path.name[:5], view)
    with out.open("w") as file:
        json.dump(records, file)
    return out


def ask_plainly(info: dict[str, Any], frame: str, view: int) -> Iterator[Record]:
    """The label rules and questions of one view, kart by kart."""
    file = f"train/{frame}_{view:02d}_im.jpg"
    kept = []
    for kind, place, *box in info["detections"][view]:
        x1, y1, x2, y2 = (int(each * 0.25) for each in box)
        if kind == 1 and x2 - x1 >= 5 and y2 - y1 >= 5:
            kept.append((info["karts"][place], (x1 + x2) / 2, (y1 + y2) / 2))
    if not kept:
        return
    ego = min(kept, key=lambda kart: (kart[1] - 75) ** 2 + (kart[2] - 50) ** 2)
    yield {"question": "What kart is the ego car?", "answer": ego[0], "image_file": file}
    count = str(len(kept))
    yield {"question": "How many karts are there in the scenario?", "answer": count, "image_file": file}
    yield {"question": "What track is this?", "answer": info["track"], "image_file": file}
    counts = dict.fromkeys(DIRECTIONS, 0)
    for name, x, y in kept:
        if name == ego[0]:
            continue
        side, front = "left" if x <= ego[1] else "right", "front" if y < ego[2] else "back"
        question = f"Is {name} to the left or right of the ego car?"
        yield {"question": question, "answer": side, "image_file": file}
        question = f"Is {name} in front of or behind the ego car?"
        yield {"question": question, "answer": front, "image_file": file}
        question = f"Where is {name} relative to the ego car?"
        yield {"question": question, "answer": f"{front} and {side}", "image_file": file}
        counts[f"to the {side} of"] += 1
        counts["in front of" if front == "front" else "behind"] += 1
    for direction, number in counts.items():
        if number:
            question = f"How many karts are {direction} the ego car?"
            yield {"question": question, "answer": str(number), "image_file": file}


def write_infos(train: Path, frames: int, source: Path | None) -> None:
    """Write so many info files; those of a source over and over, or synthetic ones."""
    train.mkdir(parents=True)
    known = [path.read_bytes() for path in list_infos(source)] if source else []
    random = np.random.default_rng(0)
    for frame in range(frames):
        content = known[frame % len(known)] if known else json.dumps(_synthetic(random, frame)).encode()
        (train / f"{frame:05x}_info.json").write_bytes(content)


def _synthetic(random: np.random.Generator, frame: int) -> dict[str, Any]:
    """A frame of ten karts, one to four of which a view shows, and of boxes of other things."""
    detections = []
    for view in range(VIEWS):
        seen = [view, *(random.permutation(VIEWS)[: random.integers(0, 4)]).tolist()]
        boxes = [[1, kart, *_box(random, 60)] for kart in dict.fromkeys(seen)]
        detections.append(boxes + [[int(random.integers(2, 7)), track, *_box(random, 120)] for track in range(BOXES)])
    return {
        "track": f"track{frame % 21}",
        "karts": [f"kart{(frame + place) % 18}" for place in range(VIEWS)],
        "detections": detections,
        "distance_down_track": random.normal(0, 300, VIEWS).tolist(),
        "velocity": random.normal(0, 9, (VIEWS, 3)).tolist(),
    }


def _box(random: np.random.Generator, most: int) -> list[int]:
    x, y, width, height = (int(each) for each in (*random.integers(0, (480, 280)), *random.integers(9, most, 2)))
    return [x, y, x + width, y + height]


def _ordered(path: Path) -> list[tuple[str, str, str]]:
    """Records in one order, whatever theirs was."""
    return sorted((row["image_file"], row["question"], row["answer"]) for row in json.loads(path.read_text()))


if __name__ == "__main__":
    main()
