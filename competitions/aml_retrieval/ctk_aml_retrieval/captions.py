"""captions.txt: the competition's CSV of pictures and captions, as people write it too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctk.data import parse_id
from ctk.errors import DataError
from ctk.files import refuse_packed

if TYPE_CHECKING:
    import pandas as pd


def read_captions(path: Path, needed: Sequence[str] = ("image", "caption")) -> pd.DataFrame:
    """The captions table: image, caption (str, stripped), id (int64) and, if there, concept (str).

    A test's captions.txt has no images: then ``needed`` is the caption alone.

    The index is the line of the file, counted from 1 with the header (cells that span lines aside). Blank lines are
    passed over. Raises DataError naming file and line: columns that lack, empty cells, ids that repeat or are no whole
    numbers, a picture under two concepts.
    """
    import pandas as pd  # late: data that was prepared before needs none

    refuse_packed(path, DataError, "CSV")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.", "Give a CSV file of captions.") from None
    except (OSError, ValueError) as error:  # pandas' parser errors and wrong encodings are ValueErrors
        raise DataError(f"{path}: cannot be read as CSV ({error}).", "Save it as CSV in UTF-8, with commas.") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes cells beyond the header's for an index before them
        raise DataError(
            f"{path.name}, line 2: has more cells than the first line has names.", "Quote a caption that has a comma."
        )
    for column in needed:
        if column not in table:
            have = ", ".join(map(str, table.columns))
            raise DataError(f"{path.name}: has no column '{column}' (it has {have}).", "Name it in the first line.")
    columns = [column for column in ("image", "caption", "id", "concept") if column in table]
    # Short lines give NaN in spite of keep_default_na; they are as empty as an empty cell.
    cells = {column: table[column].fillna("").str.strip() for column in columns}
    table = pd.DataFrame(cells).set_axis(range(2, len(table) + 2))
    table = table.loc[(table != "").any(axis=1)]
    if table.empty:
        raise DataError(f"{path.name}: holds no captions.", "Add a line for each caption.")
    for column in columns:
        _refuse(path, table[column] == "", f"the {column} is empty.", "Fill it in or remove the line.")
    if "concept" in table and "image" in table:
        several = table["concept"] != table.groupby("image")["concept"].transform("first")
        _refuse(path, several, "the picture already has another concept.", "Give every picture one concept.")
    if "id" not in table:
        return table.assign(id=np.arange(len(table), dtype=np.int64))
    ids = table["id"].map(parse_id, na_action=None).astype(object)
    help = "Number the captions, or remove the column."
    _refuse(path, ids.isna(), "the id is not a whole number within int64.", help)
    table = table.assign(id=ids.astype(np.int64))
    again = table["id"].duplicated()
    if again.any():
        ids = table["id"]
        first = ids.index[ids == ids[again].iloc[0]][0]
        problem = f"id {ids[again].iloc[0]} was already given in line {first:,}."
        _refuse(path, again, problem, "Give every caption an id of its own.")
    return table


def _refuse(path: Path, bad: pd.Series[bool], problem: str, help: str) -> None:
    if bad.any():
        raise DataError(f"{path.name}, line {bad.index[bad][0]:,}: {problem}", help)
