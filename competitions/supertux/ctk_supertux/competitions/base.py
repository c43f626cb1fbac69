"""What both competitions have in common: folders, presets, and a submission that is a bundle of both models."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctk.contract import Competition, Progress, Submission, presets_in
from ctk.errors import UsageError
from ctk.samples import Array, Samples

if TYPE_CHECKING:
    from ctk.contract import Results, Section


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
        from ctk_supertux import default_data  # type: ignore[attr-defined]

        return Path(default_data.folder(progress))

    def write_submission(self, path: Path, test: Samples, prediction: Array) -> None:
        """There is none: a submission is a bundle of models."""
        raise UsageError(f"{self.id} is submitted as a bundle of models.", "`ctk run` writes it.")

    def read_submission(self, path: Path, test: Samples, width: int | None = None) -> Submission:
        """There is none: a submission is a bundle of models."""
        raise UsageError(f"{self.id} is submitted as a bundle of models.", "`ctk score` grades it.")

    @abstractmethod
    def report(self, results: Results) -> Sequence[Section]:
        """What this part shows."""
