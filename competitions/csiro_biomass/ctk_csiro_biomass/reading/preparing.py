"""The whole of a folder into prepared samples: everything small is read and checked before a picture is decoded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np

from ctk.contract import Progress
from ctk.data import FileListings, PictureRows, earlier_parts, link_samples
from ctk.files import check_room, write_text
from ctk.samples import Array, Targets
from ctk_csiro_biomass.columns import DATE, IMAGE, STATE, TARGETS
from ctk_csiro_biomass.reading.column_names import ColumnNames
from ctk_csiro_biomass.reading.identities import broken_identities
from ctk_csiro_biomass.reading.pictures import locate
from ctk_csiro_biomass.reading.tables import (
    METADATA,
    TEST,
    TRAIN,
    TRUTH,
    ImageTable,
    images_of,
    no_images,
    read_images,
    read_order,
    read_truth,
)


def prepare(
    folder: Path,
    place: Path,
    names: ColumnNames,
    size: tuple[int, int],
    tolerance: float,
    train: bool,
    listings: FileListings,
    progress: Progress,
) -> None:
    """Write the samples of a folder, or what a killed call left of that work.

    size       height and width of the pictures that are kept
    tolerance  grams by which sums may differ from their parts before that is told
    train      whether there is something to train on
    memory     the tables, and some blocks of rows
    Raises DataError that names file, row and column of what is wrong.
    """
    trained = read_images(folder / TRAIN, names, train=True) if train else no_images(folder / TRAIN)
    test = read_images(folder / TEST, names, train=False, known=trained.known if train else METADATA)
    order = read_order(folder, test)
    parts = {"test": _in_order(test, images_of(order)), "train": trained}  # what is small comes first
    truth = read_truth(folder / TRUTH, parts["test"].ids)[1] if (folder / TRUTH).is_file() else None
    pictures = {
        part: PictureRows(
            IMAGE,
            folder,
            table.ids,
            *locate(folder, part, table, listings),
            (*size, 3),
            resize=True,
            earlier=earlier_parts(place),
        )
        for part, table in parts.items()
    }
    arrays = _arrays(parts)
    if truth is not None:
        arrays["test"]["target"] = truth

    total = sum(map(len, parts.values()))
    room = total * prod(size) * 3 - sum(path.stat().st_size for path in place.rglob(f"{IMAGE}.npy"))
    check_room(place, room, "Preparing the data")
    for part, done in (("test", 0), ("train", len(test))):
        pictures[part].write(
            place / ("truth" if part == "test" and truth is not None else part),
            arrays[part],
            {"submission": order} if part == "test" else {},
            Targets(np.array(TARGETS), np.array(TARGETS)),
            lambda rows, done=done: progress("decoding pictures", done + rows, total),  # type: ignore[misc]
        )
    if truth is not None:
        link_samples(place / "truth", place / "test", without=["target"])
    write_text(place / "about.json", json.dumps(_about(trained, test, names, size, tolerance)))


def _in_order(table: ImageTable, ids: Array) -> ImageTable:
    """The same images in the order of these ids."""
    place = {id: image for image, id in enumerate(table.ids.tolist())}
    images = [place[id] for id in ids.tolist()]
    features = {name: values[images] for name, values in table.features.items()}
    pictures = [table.pictures[image] for image in images]
    return replace(table, ids=ids, pictures=pictures, rows=table.rows[images], features=features)


def _arrays(parts: Mapping[str, ImageTable]) -> dict[str, dict[str, Array]]:
    """What the tables say, by part, as ``SamplesWriter.append`` takes it."""
    groups = {}
    for name in (DATE, STATE):
        known = np.unique(np.concatenate([table.features[name] for table in parts.values()]))
        groups[name] = {part: np.searchsorted(known, table.features[name]) for part, table in parts.items()}
    arrays: dict[str, dict[str, Array]] = {}
    for part, table in parts.items():
        arrays[part] = {
            "ids": table.ids,
            **{f"features/{name}": values for name, values in table.features.items()},
            **{f"groups/{name}": of_part[part].astype(np.int64) for name, of_part in groups.items()},
        }
        if table.target is not None:
            arrays[part]["target"] = table.target
    return arrays


def _about(
    train: ImageTable,
    test: ImageTable,
    names: ColumnNames,
    size: tuple[int, int],
    tolerance: float,
) -> str:
    """One line for people, with whatever they should know of these files."""
    said = [f"{len(train):,} images to train on, {len(test):,} to predict"]
    if not len(train):
        said = [f"{len(test):,} images to predict; no {TRAIN}, so that only --stage predict works"]
    said.append(f"pictures of {size[1]} x {size[0]}")
    said += [f"{len(np.unique(train.features[name])):,} {name}s" for name in (DATE, STATE) if name in train.known]
    columns = names.metadata.named()
    if len(train) and (lacking := [column for name, column in columns.items() if name not in train.known]):
        said.append(f"{TRAIN} has no {', '.join(lacking)}")
    if lacking := [columns[name] for name in METADATA if name in train.known - test.known]:
        said.append(f"{TEST} has no {', '.join(lacking)}: training means stand in where a network reads them")
    if both := set(train.ids.tolist()) & set(test.ids.tolist()):
        said.append(f"{len(both):,} of the images in both, such as {min(both)}")
    said += broken_identities(train, tolerance)
    for table in (train, test):
        if table.ignored:
            said.append(f"of {table.path.name} nobody reads {', '.join(table.ignored)}")
    return "; ".join(said)
