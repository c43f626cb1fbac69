"""The competition as the toolkit knows it. What needs torch or pandas is imported where it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctk.contract import Competition, Progress, Submission, presets_in
from ctk.samples import Array, Samples

if TYPE_CHECKING:
    from ctk.contract import Results, Section


class AtmaCup18(Competition):
    """Turing x atmaCup #18 (2024): where a car will be in the next three seconds, from its camera and its pedals."""

    id = "atmacup-18"
    title = "atmaCup #18, a car's path"
    url = "https://www.guruguru.science/competitions/25"
    metric = "mae"
    headline = ("mae", "mae_x", "mae_y", "mae_z")
    reader = "atmacup-18"
    embedded = "default"
    default = "default"

    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """The files in ``presets/``, by name."""
        return presets_in("ctk_atmacup_18")

    def default_data(self, progress: Progress = lambda what, done, total: None) -> Path:
        """Scenes of a game, unpacked once into the competition's own layout."""
        from ctk_atmacup_18 import default_data

        return default_data.folder(progress)

    def evaluate(self, prediction: Array, samples: Samples) -> dict[str, float]:
        """The mean absolute error over rows and targets, by axis, by horizon and by rows of the scene."""
        from ctk_atmacup_18.evaluation import evaluate

        return evaluate(prediction, samples)

    def write_submission(self, path: Path, test: Samples, prediction: Array) -> None:
        """The 18 targets without ids, rows as in test_features.csv."""
        from ctk_atmacup_18 import submission

        submission.write(path, test, prediction)

    def read_submission(self, path: Path, test: Samples, width: int | None = None) -> Submission:
        """Rows are told apart by their order alone, so their number and the columns' order are checked."""
        from ctk_atmacup_18 import submission

        return submission.read(path, test)

    def read_truth(self, path: Path) -> Samples:
        """ID and the 18 targets."""
        from ctk_atmacup_18 import submission

        return submission.read_truth(path)

    def write_data(self, folder: Path, train: Samples, test: Samples) -> None:
        """Tables, pictures and lights in the competition's layout."""
        from ctk_atmacup_18 import layout

        layout.write(folder, train, test)

    def report(self, results: Results) -> Sequence[Section]:
        """Paths in the newest frame and from above; errors by horizon, axis and rows of the scene."""
        from ctk_atmacup_18 import report

        return report.sections(results)
