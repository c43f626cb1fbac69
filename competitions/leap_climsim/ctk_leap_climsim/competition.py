"""The competition as the toolkit knows it. What needs torch, pyarrow or climt is imported where it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctk.contract import Competition, Progress, Submission, presets_in
from ctk.samples import Array, Samples

if TYPE_CHECKING:
    from ctk.contract import Results, Section
    from ctk_leap_climsim.synthetic.build import Build


class LEAPClimSim(Competition):
    """Kaggle's leap-atmospheric-physics-ai-climsim (2024): what a step of physics does to a column of air."""

    id = "leap-climsim"
    title = "LEAP atmospheric physics (ClimSim)"
    url = "https://www.kaggle.com/competitions/leap-atmospheric-physics-ai-climsim"
    platform = "kaggle"
    slug = "leap-atmospheric-physics-ai-climsim"
    metric = "leap-r2"
    headline = ("r2", "r2_varying")
    reader = "climsim"
    embedded = "quick"
    default = "baseline"
    formats = ("parquet", "csv")

    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """The files in ``presets/``, by name."""
        return presets_in("ctk_leap_climsim")

    def default_data(self, progress: Progress = lambda what, done, total: None) -> Path:
        """Synthetic columns of air, stepped by climt's schemes, in ClimSim's own files; built once."""
        from ctk_leap_climsim.synthetic import default

        return default.folder(progress)

    def evaluate(self, prediction: Array, samples: Samples) -> dict[str, float]:
        """R2 as the organisers compute it, over the columns that vary, and by group."""
        from ctk_leap_climsim import metric

        return metric.evaluate(prediction, samples)

    def fit_postprocess(self, prediction: Array, samples: Samples) -> dict[str, Any]:
        """The columns that their mean predicts better."""
        from ctk_leap_climsim import postprocess

        return postprocess.fit(prediction, samples)

    def postprocess(self, prediction: Array, samples: Samples, fitted: Mapping[str, Any]) -> Array:
        """What is known exactly, zero columns, no impossible states; float64."""
        from ctk_leap_climsim import postprocess

        return postprocess.apply(prediction, samples, fitted)

    def write_submission(self, path: Path, test: Samples, prediction: Array) -> None:
        """``sample_id`` and the 368 targets times their weights, Parquet or CSV."""
        from ctk_leap_climsim import submission

        submission.write(path, test, prediction)

    def read_submission(self, path: Path, test: Samples, width: int | None = None) -> Submission:
        """Checked against the test's ids and the targets' names."""
        from ctk_leap_climsim import submission

        return submission.read(path, test)

    def read_truth(self, path: Path) -> Samples:
        """``sample_id`` and the 368 targets, CSV or Parquet."""
        from ctk_leap_climsim import submission

        return submission.read_truth(path)

    def score(self, prediction: Array, truth: Samples) -> dict[str, float]:
        """Nothing is mended."""
        from ctk_leap_climsim import metric

        return metric.score(prediction, truth)

    def score_file(self, path: Path, truth: Path, **options: Any) -> dict[str, float]:
        """Both files are streamed."""
        from ctk_leap_climsim import scoring

        return scoring.score_file(path, truth)

    def build(self) -> type[Build]:
        """Synthetic columns of air in ClimSim's layout."""
        from ctk_leap_climsim.synthetic.build import Build

        return Build

    def report(self, results: Results) -> Sequence[Section]:
        """R2 by level, profiles."""
        from ctk_leap_climsim import report

        return report.sections(results)
