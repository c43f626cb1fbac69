"""The whole of a folder into prepared samples: everything small is read and checked before a picture is decoded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np

from ctk.contract import Progress
from ctk.data import FileListings, PictureRows, earlier_parts, link_samples, open_picture
from ctk.errors import DataError
from ctk.files import check_room, write_text
from ctk.samples import Array, Targets
from ctk_atmacup_18.camera import read_camera
from ctk_atmacup_18.columns import AXIS, FRAMES, TARGETS, rows_of_scene
from ctk_atmacup_18.reading import lights, sample_submission, tables
from ctk_atmacup_18.reading.clusters import driving_clusters
from ctk_atmacup_18.reading.pictures import LIGHTS, PICTURES, locate
from ctk_atmacup_18.reading.tables import GET, TEST, TRAIN, TRUTH, Table


def prepare(folder: Path, place: Path, train: bool, listings: FileListings, progress: Progress) -> None:
    """Write the samples of a folder, or what a killed call left of that work.

    train   whether there is something to train on
    memory  the tables, and some blocks of rows
    Raises DataError that names file, row and column of what is wrong.
    """
    test = tables.read_features(folder / TEST, targets=False)
    trained = tables.read_features(folder / TRAIN, targets=True) if train else tables.no_rows(folder / TRAIN)
    for table in (test, *([trained] if train else [])):
        if not len(table):
            raise DataError(f"{table.path}: there are no rows.", GET)
    _check_apart(trained, test)
    parts = {"test": test, "train": trained}  # what is small comes first
    truth = tables.read_truth(folder / TRUTH, test.ids).target if (folder / TRUTH).is_file() else None
    header = sample_submission.read_header(folder, len(test))

    pictures = folder / PICTURES
    placed = {part: locate(pictures, table, listings.of(pictures)) for part, table in parts.items()}
    width, height = open_picture(pictures / placed["test"][0][0][0]).size
    frames = {
        part: PictureRows(
            "frames", pictures, table.ids, *placed[part], (len(FRAMES), height, width, 3), earlier=earlier_parts(place)
        )
        for part, table in parts.items()
    }
    arrays = _arrays(parts)
    for part, seen in lights.read_all(folder / LIGHTS, parts, listings, (height, width), progress).items():
        arrays[part]["features/lights"] = seen
    if truth is not None:
        arrays["test"]["target"] = truth
    constants = {"submission": np.array(header), "camera": read_camera(folder, (height, width))}

    total = sum(map(len, parts.values()))
    size = sum(path.stat().st_size for path in place.rglob("frames.npy"))
    check_room(place, total * prod(frames["test"].shape) - size, "Preparing the data")
    for part, done in (("test", 0), ("train", len(test))):
        frames[part].write(
            place / ("truth" if part == "test" and truth is not None else part),
            arrays[part],
            constants,
            Targets(np.array(TARGETS), AXIS),
            lambda rows, done=done: progress("decoding pictures", done + rows, total),  # type: ignore[misc]
        )
    if truth is not None:
        link_samples(place / "truth", place / "test", without=["target"])
    write_text(place / "about.json", json.dumps(_about(trained, test, f"{width} x {height}")))


def _arrays(parts: Mapping[str, Table]) -> dict[str, dict[str, Array]]:
    """What the tables say, by part, as ``SamplesWriter.append`` takes it."""
    scenes = sorted({moment.scene for table in parts.values() for moment in table.moments})
    number = {scene: place for place, scene in enumerate(scenes)}
    driving = driving_clusters(parts["train"].features, parts["test"].features)
    arrays: dict[str, dict[str, Array]] = {}
    for part, table in parts.items():
        scene = np.array([number[moment.scene] for moment in table.moments], np.int64)
        time = np.array([moment.decisecond for moment in table.moments], np.int64)
        arrays[part] = {
            "ids": table.ids,
            **{f"features/{name}": values for name, values in table.features.items()},
            "features/decisecond": time.astype(np.float32),
            "groups/scene": scene,
            "groups/time": time,
            "groups/scene-rows": rows_of_scene(scene),
            "groups/driving": driving[part],
        }
        if table.target is not None:
            arrays[part]["target"] = table.target
    return arrays


def _check_apart(train: Table, test: Table) -> None:
    """Raise DataError for an id of both tables."""
    rows = {id: row for row, id in enumerate(train.ids.tolist())}
    for row, id in enumerate(test.ids.tolist()):
        if id in rows:
            raise DataError(
                f"{test.path}, row {row + 1:,}, column ID: {id} is also {train.where(rows[id])}.",
                "What is predicted is not trained on: take it out of one of the two.",
            )


def _about(train: Table, test: Table, size: str) -> str:
    """One line for people, with whatever they should know of these files."""
    ours, theirs = ({moment.scene for moment in table.moments} for table in (train, test))
    said = [f"{len(train):,} rows of {len(ours):,} scenes to train on, {len(test):,} of {len(theirs):,} to predict"]
    if not len(train):
        said = [
            f"{len(test):,} rows of {len(theirs):,} scenes to predict; no {TRAIN}, so that only --stage predict works"
        ]
    said.append(f"three frames of {size} a row")
    if both := ours & theirs:
        said.append(f"{len(both):,} of the scenes in both, such as {min(both)}")
    for table in (train, test):
        if table.ignored:
            said.append(f"of {table.path.name} nobody reads {', '.join(table.ignored)}")
    return "; ".join(said)
