"""What the columns of a folder's tables are called: the competition's own names unless a config says others."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from ctk.contract import Strict


class MetadataColumns(Strict):
    """Columns of what is known of a picture beside it; null for one that nobody is to read."""

    ndvi: str | None = Field("Pre_GSHH_NDVI", description="column of the GreenSeeker's NDVI")
    height: str | None = Field("Height_Ave_cm", description="column of the plate meter's height, cm")
    state: str | None = Field("State", description="column of the state")
    species: str | None = Field("Species", description="column of the species")
    date: str | None = Field("Sampling_Date", description="column of the date, year/month/day")

    def named(self) -> dict[str, str]:
        """Columns by feature, of those that the folder has."""
        return {feature: column for feature, column in self if column is not None}


@dataclass(frozen=True)
class ColumnNames:
    """Columns of a long table: the row's id, its picture, which target it is of, how many grams; and metadata."""

    id: str
    image: str
    target_name: str
    target_value: str
    metadata: MetadataColumns
