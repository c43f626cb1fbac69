"""Where the pictures of a table lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ctk.data import FileListings
from ctk.errors import DataError
from ctk.samples import Array
from ctk_csiro_biomass.reading.tables import ImageTable

FOLDERS = ("train", "test", "train_images", "test_images", "images")
"""What a folder's folders of pictures may be called."""


def picture_folders(folder: Path) -> list[Path]:
    """Those that are there."""
    return [folder / name for name in FOLDERS if (folder / name).is_dir()]


def locate(folder: Path, part: str, table: ImageTable, listings: FileListings) -> tuple[list[list[str]], Array]:
    """Each image's picture below the folder, where its path says or by its name in the part's folders; and its stamp.

    Returns N lists of one name, and (N, 1, 2) int64. Raises DataError for the first that is not there.
    """
    files = {
        f"{place.name}/{name}": stamp for place in picture_folders(folder) for name, stamp in listings.of(place).items()
    }
    names = []
    for image, path in enumerate(table.pictures):
        name = path.rpartition("/")[2]
        places = (path, f"{part}/{name}", f"{part}_images/{name}", f"images/{name}")
        found = next((each for each in places if each in files), None)
        if found is None:
            raise DataError(
                f"{folder / path}: there is no such picture; {table.where(image)} needs it.",
                f"Pictures lie in {part} or {part}_images.",
            )
        names.append([found])
    return names, np.array([[files[name]] for (name,) in names], np.int64).reshape(len(table), 1, 2)
