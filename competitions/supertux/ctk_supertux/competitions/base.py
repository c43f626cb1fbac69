"""What both competitions have in common: folders, presets, and a submission that is a bundle of both models."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctk.contract import Competition, Progress, Strict, presets_in
from ctk.samples import Samples

if TYPE_CHECKING:
    from ctk.contract import FittedMember, Results, Section


class SuperTux(Competition):
    """A competition over the homework's folders."""

    url = ""
    embedded = "default"
    default = "default"
    formats = ("zip",)
    bundled = True
    part: str
    """Which half of the bundle its models are, and the folder of its presets: "vlm" or "clip"."""

    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """The files in ``presets/`` of this part, by name."""
        return presets_in("ctk_supertux", f"presets/{self.part}")

    def default_data(self, progress: Progress = lambda what, done, total: None) -> Path:
        """Frames of the game, unpacked once into the homework's own layout."""
        from ctk_supertux import default_data

        return Path(default_data.folder(progress))

    def write_bundle(
        self, path: Path, members: Sequence[FittedMember], test: Samples, options: Mapping[str, Any]
    ) -> Sequence[str]:
        """The heaviest member's adapter, the other part's from the run that ``options`` name, and the code to load."""
        from ctk_supertux.bundle import write

        return write(path, self.part, members, options)

    def check_bundle(self, path: Path, test: Samples) -> Sequence[str]:
        """What a grader would refuse; its code is not run."""
        from ctk_supertux.bundle import check

        return check(path)

    def submission_options(self) -> type[Strict]:
        """The run that the other part comes from."""
        from ctk_supertux.bundle import OTHER_PART

        return OTHER_PART[self.part]

    def score_file(self, path: Path, truth: Path, **options: Any) -> dict[str, float]:
        """The points that the course's grader gives, and its lines."""
        from ctk_supertux.grading import GraderLimits, grade

        return grade(path, truth, GraderLimits(**options))

    def score_options(self) -> type[Strict]:
        """The grader's limits."""
        from ctk_supertux.grading import GraderLimits

        return GraderLimits

    @abstractmethod
    def report(self, results: Results) -> Sequence[Section]:
        """What this part shows."""
