"""The competition's data, as Kaggle's tables or as ClimSim's own files, as a data reader of the toolkit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ctk.contract import DataItem, DataReader, Progress
from ctk.errors import DataError, UsageError
from ctk_leap_climsim.columns import TARGETS
from ctk_leap_climsim.reading import climsim, kaggle, pairs
from ctk_leap_climsim.reading.row_index import RowIndex
from ctk_leap_climsim.reading.rows import BadRows

SHARE = 1 / 16
"""Of the time steps of train.csv, what is validated on."""


class ClimSimReader(DataReader):
    """Reads what it finds: train.csv, test.csv and sample_submission.csv, or pairs of E3SM-MMF.mli/mlo.*.nc.

    Keyword arguments are config keys:

    old       of tables, whether to take test_old.csv and sample_submission_old.csv; where only they are, they are taken
    bad_rows  "error", or "drop" for training rows with a cell that is no number
    rows      file with the numbers of the training rows to take, counted from 0 in the order of the files: a tensor
              (.pt) or an array (.npy). Left out, all are taken; what is validated on stays whole
    train, valid, test  of ClimSim's files, the months of each part, and the stride if not every time step is wanted:
              "0001-02..0008-01/7". Left out, they are ClimSim's own, or those that synthetic files were made for.
              Of tables, ``valid`` is the share of the time steps, the last ones, that is validated on
    """

    def __init__(
        self,
        *,
        old: bool = False,
        bad_rows: BadRows = "error",
        rows: str | None = None,
        train: str | None = None,
        valid: float | str | None = None,
        test: str | None = None,
    ) -> None:
        self.old, self.bad_rows, self.valid = old, bad_rows, valid
        self.rows = None if rows is None else Path(rows).expanduser()
        self.months = {"train": train, "test": test}

    def prepare(self, folder: Path, place: Path, progress: Progress) -> None:
        """Stream the files into the store."""
        found = self._find(folder)
        if isinstance(found, kaggle.Tables):
            kaggle.prepare(found, place, self.bad_rows, self._share(), progress, RowIndex(self.rows))
        else:
            pairs.prepare(found, place, self.bad_rows, progress, RowIndex(self.rows))

    def prepare_test(self, folder: Path, place: Path, progress: Progress) -> int:
        """Stream what is to be predicted, and its truth where the files have it."""
        found = self._find(folder)
        if isinstance(found, kaggle.Tables):
            kaggle.prepare(replace(found, train=None), place, self.bad_rows, self._share(), progress, RowIndex(None))
        else:
            alone = {**found.pairs, "train": [], "valid": []}
            pairs.prepare(replace(found, pairs=alone), place, self.bad_rows, progress, RowIndex(None))
        return len(TARGETS)

    def describe(self, folder: Path) -> list[DataItem]:
        """What lies in a folder of the layout that it has; what there could be, if it has neither."""
        tables, files = kaggle.describe(folder), climsim.describe(folder)
        for found, missing in ((tables, files), (files, tables)):
            if any(each.path for each in found) and not any(each.path for each in missing):
                return found
        return [*tables, *files]

    def sources(self, folder: Path) -> list[Path]:
        """The files that are read, of all parts."""
        if self.rows is not None and not self.rows.is_file():
            raise DataError(f"{self.rows}: there is no such file.", "Look at -o data.rows.")
        return [*self._find(folder).paths, *([] if self.rows is None else [self.rows])]

    def _find(self, folder: Path) -> kaggle.Tables | climsim.Parts:
        """The tables of a folder, or else its pairs."""
        if tables := kaggle.locate(folder, self.old):
            for key, months in self.months.items():
                if months is not None:
                    raise UsageError(
                        f"Config key 'data.{key}': {folder} has tables, which know no months.",
                        "Leave it out, or give the folder of ClimSim's own files.",
                    )
            return tables
        if self.old and climsim.describe(folder)[0].path:
            raise UsageError(
                f"Config key 'data.old': {folder} has ClimSim's own files, of which there is no old test set.",
                "Leave it out, or give the folder of Kaggle's tables.",
            )
        valid = self.valid
        if valid is not None and not isinstance(valid, str):
            raise UsageError(
                f"Config key 'data.valid': {valid} is no range of months, which {folder} needs.",
                "Such as -o data.valid=0008-02..0008-07/7.",
            )
        if not climsim.describe(folder)[0].path:
            raise DataError(
                f"{folder}: has neither test.csv and sample_submission.csv nor, in it or below, E3SM-MMF.mli.*.nc.",
                f"`ctk data leap-climsim --data {folder}` says how to get them.",
            )
        return climsim.parts(folder, {**self.months, "valid": valid})

    def _share(self) -> float:
        share = SHARE if self.valid is None else self.valid
        if isinstance(share, str) or not 0 < share < 1:
            raise UsageError(
                f"Config key 'data.valid': {share} is no share of the time steps of train.csv.",
                "Give a number between 0 and 1.",
            )
        return share
