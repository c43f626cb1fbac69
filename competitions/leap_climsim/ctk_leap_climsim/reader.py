"""The competition's data, as Kaggle's tables or as ClimSim's own files, as a data reader of the toolkit."""

from __future__ import annotations

import json
from pathlib import Path

from ctk.contract import DataReader, Found, Progress
from ctk.files import write_text
from ctk_leap_climsim import climsim, pairs
from ctk_leap_climsim.pairs import BadRows


class ClimSimReader(DataReader):
    """Reads what it finds: train.csv, test.csv and sample_submission.csv, or pairs of E3SM-MMF.mli/mlo.*.nc.

    Keyword arguments are config keys:

    bad_rows  "error", or "drop" for training rows with a cell that is no number
    train, valid, test  months of ClimSim's files, with a stride if not every time step is wanted:
              "0001-02..0008-01/7". Left out, they are ClimSim's own for its files, and those that synthetic files
              were made for
    """

    def __init__(
        self,
        *,
        bad_rows: BadRows = "error",
        train: str | None = None,
        valid: str | None = None,
        test: str | None = None,
    ) -> None:
        self.bad_rows: BadRows = bad_rows
        self.months = {"train": train, "valid": valid, "test": test}

    def prepare(self, folder: Path, place: Path, progress: Progress) -> None:
        """Stream the files into the store; about.json comes last."""
        about = pairs.prepare(climsim.parts(folder, self.months), place, self.bad_rows, progress)
        write_text(place / "about.json", json.dumps(about))

    def describe(self, folder: Path) -> list[Found]:
        """What of the layout lies in a folder."""
        return []

    def sources(self, folder: Path) -> list[Path]:
        """The files of the parts that are read."""
        parts = climsim.parts(folder, self.months)
        return [path for some in parts.pairs.values() for pair in some for path in (pair.mli, pair.mlo)]
