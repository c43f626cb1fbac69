"""The long tables, five rows an image, as a row an image."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctk.data import MEND, TextTable
from ctk.errors import CtkError, DataError, nearest
from ctk.samples import Array
from ctk_csiro_biomass.columns import DATE, HEIGHT, NDVI, SPECIES, STATE, TARGETS
from ctk_csiro_biomass.reading.column_names import ColumnNames, MetadataColumns

TRAIN, TEST, SAMPLE, TRUTH = "train.csv", "test.csv", "sample_submission.csv", "test_truth.csv"
ID, TARGET = "sample_id", "target"
"""Columns of a submission and of a truth."""
METADATA = (NDVI, HEIGHT, STATE, SPECIES, DATE)
OWN = MetadataColumns().named()
"""Columns of metadata in the competition's own files."""
DAY = re.compile(r"([0-9]{4})[/-]([0-9]{1,2})[/-]([0-9]{1,2})")
GET = (
    "Fetch the data with `ctk data csiro-biomass --download` or from "
    "https://www.kaggle.com/competitions/csiro-biomass/data; give no folder to use synthetic pastures."
)


@dataclass(frozen=True)
class ImageTable:
    """The images of one file, in the order of their first rows.

    ids       (N,) str
    pictures  paths of their pictures, as the file has them
    rows      (N, 5) int64: the file's row of each target, from 0
    features  metadata by name, (N,) float32 or str; NaN or "" where there is none
    known     names of those that the file has
    target    (N, 5) float32 grams, or None
    order     (5N,) str: the row ids in the file's order
    ignored   columns that are there and not read
    """

    path: Path
    ids: Array
    pictures: Sequence[str]
    rows: Array
    features: dict[str, Array]
    known: frozenset[str]
    target: Array | None
    order: Array
    ignored: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, image: int) -> str:
        """An image's first row for people."""
        return f"row {self.rows[image].min() + 1:,} of {self.path.name}"


def read_images(path: Path, names: ColumnNames, train: bool, known: Collection[str] = METADATA) -> ImageTable:
    """Read a table of images, of training images with their targets.

    known  metadata that is read where it is there; a column that a config renames has to be there in training
    Raises DataError.
    """
    asked = {feature: column for feature, column in names.metadata.named().items() if feature in known}
    needed = [names.id, names.image, names.target_name]
    renamed = [column for feature, column in asked.items() if column != OWN[feature]]
    table = TextTable.read(path, [*needed, *([names.target_value, *renamed] if train else [])], names.id)
    if not len(table):
        raise DataError(f"{path}: there are no rows.", GET)
    ids, rows = pivot(table, names.id, names.target_name)
    pictures = _of_image(table, names.image, table.words(names.image), rows)
    features = unknown_metadata(len(ids))
    there = {feature: column for feature, column in asked.items() if column in table.columns}
    for feature, column in there.items():
        values = _metadata(table, feature, column)
        features[feature] = _of_image(table, column, values, rows)
    read = [*needed, *there.values(), *([names.target_value] if train else [])]
    return ImageTable(
        path,
        ids,
        pictures.tolist(),
        rows,
        features,
        frozenset(there),
        read_grams(table, names.target_value)[rows].astype(np.float32) if train else None,
        table.text(names.id),
        [name for name in table.columns if name not in read],
    )


def no_images(path: Path) -> ImageTable:
    """A training table without rows, where there is only something to predict."""
    none, width = np.empty(0, "U1"), len(TARGETS)
    empty = np.empty((0, width))
    return ImageTable(
        path, none, [], empty.astype(np.int64), unknown_metadata(0), frozenset(), empty.astype(np.float32), none
    )


def unknown_metadata(images: int) -> dict[str, Array]:
    """Metadata of which nothing is known."""
    numbers = {name: np.full(images, np.nan, np.float32) for name in (NDVI, HEIGHT)}
    return {**numbers, **{name: np.full(images, "", "U1") for name in (STATE, SPECIES, DATE)}}


def read_grams(table: TextTable, column: str) -> Array:
    """(R,) float64, not below zero. Raises the table's error."""
    values = table.numbers(column)
    return table.checked(values, values >= 0, column, "below zero, as no weight is")


def pivot(table: TextTable, id: str, target_name: str = "") -> tuple[Array, Array]:
    """Find each image's five rows: its ids (N,) str in the order of first rows, and rows (N, 5) int64 by target.

    A row's id is IMAGE__TARGET; ``target_name`` is the column that says the target too, where there is one.

    Raises the table's error for an unknown target, an id of another form or that is there twice, and an image that has
    not one row for each target.
    """
    seen: dict[str, int] = {}
    found: dict[str, dict[str, int]] = {}
    named = table.text(target_name).tolist() if target_name else None
    for row, text in enumerate(table.text(id).tolist()):
        image, mark, target = text.rpartition("__")
        said = target if named is None else named[row]
        if said not in TARGETS:
            where = table.where(row, target_name or id)
            raise table.error(f"{where}: {said[:60]!r} is no target.", nearest(said, TARGETS, "targets"))
        if not image or not mark or target != said:
            raise table.error(
                f"{table.where(row, id)}: {text[:60]!r} is no id of a row of {said}.", f"It is IMAGE__{said}."
            )
        if (first := seen.setdefault(text, row)) != row:
            raise table.error(f"{table.where(row, id)}: {text} is in row {first + 1:,} already.", "Keep one of them.")
        found.setdefault(image, {})[target] = row
    for image, by_target in found.items():
        if missing := [target for target in TARGETS if target not in by_target]:
            first = min(by_target.values())
            raise table.error(
                f"{table.where(first, id)}: {image} has {len(by_target)} rows, and none of {missing[0]}.",
                f"An image has {len(TARGETS)}: {', '.join(TARGETS)}.",
            )
    rows = [[by_target[target] for target in TARGETS] for by_target in found.values()]
    return np.array(list(found), str), np.array(rows, np.int64).reshape(len(found), len(TARGETS))


def read_long(path: Path, error: type[CtkError] = DataError, grams: bool = True) -> tuple[Array, Array, Array]:
    """Read a table of row ids and targets: ids of images (N,) in the order of first rows, values (N, 5), row ids.

    grams  whether values are weights, none of which is below zero; else any finite numbers
    Raises ``error`` naming row and column.
    """
    table = TextTable.read(path, (ID, TARGET), ID, error)
    if more := [name for name in table.columns if name not in (ID, TARGET)]:
        raise error(f"{path}: has a column '{more[0]}'.", f"It has {ID} and {TARGET}, and no other.")
    ids, rows = pivot(table, ID)
    values = read_grams(table, TARGET) if grams else table.numbers(TARGET)
    return ids, values[rows].astype(np.float32), table.text(ID)


def read_order(folder: Path, test: ImageTable) -> Array:
    """(5N,) str: the ids that a submission's rows have, in the sample's order, or without one in the test's.

    Raises DataError where the sample has other ids than the test.
    """
    path = folder / SAMPLE
    if not path.is_file():
        return test.order
    _, _, order = read_long(path, grams=False)
    theirs = set(test.order.tolist())
    for row, id in enumerate(order.tolist()):
        if id not in theirs:
            raise DataError(f"{path}, row {row + 1:,}, column {ID}: {id} is in no row of {test.path.name}.", MEND)
    if missing := theirs - set(order.tolist()):
        id = next(each for each in test.order.tolist() if each in missing)
        raise DataError(f"{path}: has no row of {id}, which {test.path.name} has.", MEND)
    return order


def images_of(order: Array) -> Array:
    """(N,) str: the images of row ids, in the order of their first rows."""
    return np.array(list(dict.fromkeys(id.rpartition("__")[0] for id in order.tolist())), str)


def read_truth(path: Path, ids: Array | None = None) -> tuple[Array, Array]:
    """Read row ids and grams: ids of images (N,) and (N, 5) float32, rows in the order of ``ids`` where given.

    Raises DataError where the truth has other images than these.
    """
    found, grams, _ = read_long(path)
    if ids is None:
        return found, grams
    place = {id: row for row, id in enumerate(found.tolist())}
    if missing := [id for id in ids.tolist() if id not in place]:
        raise DataError(f"{path}: has no row of {missing[0]}, which {TEST} has.", MEND)
    if more := place.keys() - set(ids.tolist()):
        raise DataError(f"{path}: {min(more)} is in no row of {TEST}.", MEND)
    return ids, grams[[place[id] for id in ids.tolist()]]


def _of_image(table: TextTable, column: str, values: Array, rows: Array) -> Array:
    """(N,) of (R,) values that are the same in all rows of an image. Raises DataError for the first that is not."""
    of_image = values[rows]
    same = of_image == of_image[:, :1]
    if values.dtype.kind == "f":
        same |= np.isnan(of_image) & np.isnan(of_image[:, :1])
    if not same.all():
        image, place = np.argwhere(~same)[0]
        row, first = int(rows[image, place]), int(rows[image, 0])
        raise table.error(
            f"{table.where(row, column)}: is {values[row]}, and {values[first]} in row {first + 1:,}, which is of the "
            "same image.",
            MEND,
        )
    return np.asarray(of_image[:, 0])


def _metadata(table: TextTable, feature: str, column: str) -> Array:
    """(R,) float32 or str; NaN or "" where a cell is empty. Raises DataError for a number or a date that is none."""
    if feature in (NDVI, HEIGHT):
        return table.numbers(column, empty=True).astype(np.float32)
    values = table.text(column)
    if feature != DATE:
        return np.char.strip(values)
    days = np.array([_iso(text) for text in values.tolist()])
    table.checked(values, days != "?", column, "no date, which is year/month/day")
    return days


def _iso(text: str) -> str:
    """A date as YYYY-MM-DD; "" for an empty text, "?" for what is none."""
    if not text.strip():
        return ""
    match = DAY.fullmatch(text.strip())
    try:
        return datetime.date(*map(int, match.groups())).isoformat() if match else "?"
    except ValueError:
        return "?"
