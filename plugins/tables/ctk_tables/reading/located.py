"""Where a folder has the files of a description, be they packed in another way than those that it was made of."""

from __future__ import annotations

from pathlib import Path

from ctk.errors import DataError
from ctk_tables.description import TableDescription, TableFile
from ctk_tables.reading.archives import on_disk
from ctk_tables.reading.files import find_files

ROLES = ("train", "test", "sample")


def located(folder: Path, description: TableDescription) -> TableDescription:
    """Return a description whose files are in this folder, as far as they are: as it says, else found by their names.

    What was described in an archive may have been unpacked since, as a download is.
    """
    known: dict[str, TableFile | None] = {role: getattr(description, role) for role in ROLES}
    there = {role: file.path for role, file in known.items() if file and on_disk(folder, file.path).is_file()}
    if all(file is None or role in there for role, file in known.items()):
        return description
    try:
        found = find_files(folder, **there)
    except DataError:
        return description  # whoever reads says which file is missing
    new = {role: getattr(found, role) for role, file in known.items() if file and role not in there}
    return description.model_copy(update={role: file for role, file in new.items() if file is not None})
