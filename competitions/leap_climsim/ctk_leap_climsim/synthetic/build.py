"""``ctk data leap-climsim --build``: columns from real physics, as ClimSim's files."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ctk.contract import Progress
from ctk.errors import DataError
from ctk.files import check_room, read_json, write_json
from ctk_leap_climsim.columns import GRID
from ctk_leap_climsim.synthetic import files
from ctk_leap_climsim.synthetic.batches import Batches
from ctk_leap_climsim.synthetic.timeline import Moment, moments

MADE_FOR = "build.json"
"""What a folder is made for. Builds of other numbers of columns share file names, with other columns in them."""


class Build(BaseModel):
    """Make columns with climt's physics and write them as ClimSim's mli and mlo files.

    The columns are synthetic, the schemes real (RRTMG, Emanuel convection, large-scale condensation). The files
    depend on the seed and the number of columns and on nothing else. What a killed build has made is kept: repeat the
    command and it goes on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: int = Field(
        40_000, ge=3 * GRID, le=14_000_000, description=f"Columns of air; made in whole time steps of {GRID}."
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Another seed makes other columns.")
    out: Path = Field(Path("leap-climsim-data"), description="Folder to write train/YYYY-MM/E3SM-MMF.*.nc into.")
    workers: int = Field(0, ge=0, description="Processes that work at once; 0 takes one a core, two at most.")

    @property
    def timeline(self) -> list[Moment]:
        """The time steps, in order."""
        return moments(-(-self.columns // GRID))

    def run(self, progress: Progress) -> None:
        """Make what is not there yet; ``progress(what, done, total)`` counts columns.

        Raises DataError where ``out`` holds files of another build, CtkError where the disk has too little room,
        climt is missing, or a time step ends its process twice.
        """
        timeline = self.timeline
        self._refuse_others(timeline)
        todo = [step for step, moment in enumerate(timeline) if not files.is_made(self.out, moment, self.seed)]
        total, done = len(timeline) * GRID, (len(timeline) - len(todo)) * GRID
        progress("columns", done, total)
        if not todo:
            return
        files.sweep(self.out)
        check_room(self.out, len(todo) * files.BYTES, f"Making {total - done:,} columns of air")
        write_json(self.out / MADE_FOR, self._asked(timeline))
        with Batches(self.out, self.seed, len(timeline), self.workers or min(2, os.cpu_count() or 1)) as batches:
            for _ in batches.run(todo):
                done += GRID
                progress("columns", done, total)

    def _asked(self, timeline: list[Moment]) -> dict[str, int]:
        return {"columns": len(timeline) * GRID, "seed": self.seed}

    def _refuse_others(self, timeline: list[Moment]) -> None:
        there, asked = self.out / MADE_FOR, self._asked(timeline)
        if there.exists() and (found := read_json(there, dict[str, int])) != asked:
            raise DataError(
                f"{self.out}: holds {found['columns']:,} columns of seed {found['seed']}, not {asked['columns']:,} of "
                f"seed {self.seed}; a folder holds one build.",
                "Give --out another folder, or remove this one.",
            )
        ours = {path for moment in timeline for path in files.paths(self.out, moment)}
        for path in sorted((self.out / "train").glob("*/E3SM-MMF.ml[io].*.nc")):
            if path not in ours:
                raise DataError(
                    f"{path}: a file that {self.columns:,} columns do not have; a folder holds one build.",
                    "Give --out another folder, or remove the files of the other build.",
                )
