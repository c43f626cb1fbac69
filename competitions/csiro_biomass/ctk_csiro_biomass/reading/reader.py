"""The competition's folder as a data reader of the toolkit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ctk.contract import Count, DataItem, DataReader, Progress
from ctk.data import FileListings
from ctk_csiro_biomass.columns import TARGETS
from ctk_csiro_biomass.reading import preparing
from ctk_csiro_biomass.reading.column_names import ColumnNames, MetadataColumns
from ctk_csiro_biomass.reading.pictures import FOLDERS, picture_folders
from ctk_csiro_biomass.reading.tables import GET, SAMPLE, TEST, TRAIN, TRUTH

OWN = MetadataColumns()


class CSIROBiomassReader(DataReader):
    """Reads train.csv and test.csv, five rows an image, sample_submission.csv and the pictures.

    Pictures that an earlier preparation decoded at the same size and that have not changed since are not decoded again.

    size                 height and width that pictures are decoded at; the store holds them so
    id_column            column of a row's id, IMAGE__TARGET
    image_column         column of the picture's path below the folder
    target_name_column   column that says which target a row is of
    target_value_column  column of the grams
    metadata_columns     columns of ndvi, height, state, species and date; null for one that nobody is to read
    tolerance            grams by which GDM_g and Dry_Total_g may differ from their parts before that is told
    """

    def __init__(
        self,
        *,
        size: tuple[Count, Count] = (224, 448),
        id_column: str = "sample_id",
        image_column: str = "image_path",
        target_name_column: str = "target_name",
        target_value_column: str = "target",
        metadata_columns: MetadataColumns = OWN,
        tolerance: Annotated[float, Field(ge=0)] = 0.5,
    ) -> None:
        self.size, self.tolerance = (size[0], size[1]), tolerance
        metadata = MetadataColumns.model_validate(metadata_columns)
        self.names = ColumnNames(id_column, image_column, target_name_column, target_value_column, metadata)
        self._listings = FileListings(GET)

    def prepare(self, folder: Path, place: Path, progress: Progress) -> None:
        """Decode and write the samples; memory is some blocks of rows, and the tables."""
        self._prepare(folder, place, (folder / TRAIN).is_file(), progress)

    def prepare_test(self, folder: Path, place: Path, progress: Progress) -> int:
        """As ``prepare``, without what there is to train on."""
        self._prepare(folder, place, False, progress)
        return len(TARGETS)

    def describe(self, folder: Path) -> list[DataItem]:
        """The tables and the folders of pictures that are needed, and what may be beside them."""
        items = [DataItem(name, *_there(folder / name), GET) for name in (TRAIN, TEST)]
        sample, detail = _there(folder / SAMPLE)
        items.append(DataItem(SAMPLE, sample, detail or f"the rows are those of {TEST}", GET))
        found = picture_folders(folder)
        items += [DataItem(path.name, path, f"{len(self._listings.of(path)):,} files", GET) for path in found]
        if not found:
            items.append(DataItem(f"{FOLDERS[0]}, {FOLDERS[1]}", None, "folders of pictures", GET))
        truth, detail = _there(folder / TRUTH)
        return items + ([DataItem(TRUTH, truth, detail, "")] if truth else [])

    def stamp(self, path: Path) -> object:
        """Of a folder, one of all its files' sizes and times."""
        return self._listings.digest(path) if path.is_dir() else super().stamp(path)

    def _prepare(self, folder: Path, place: Path, train: bool, progress: Progress) -> None:
        preparing.prepare(folder, place, self.names, self.size, self.tolerance, train, self._listings, progress)


def _there(path: Path) -> tuple[Path | None, str]:
    return (path, f"{path.stat().st_size / 1e6:,.1f} MB") if path.is_file() else (None, "")
