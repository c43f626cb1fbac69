"""The competition as the toolkit knows it. What needs torch or pandas is imported where it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctk.contract import Competition, Progress, Strict, Submission, presets_in, spaces_in, variants_in
from ctk.samples import Array, Samples

if TYPE_CHECKING:
    from ctk.contract import Results, Section


class CSIROBiomass(Competition):
    """CSIRO Image2Biomass (Kaggle, 2025): grams of green, dead and clover in a picture of a pasture, and their sums."""

    id = "csiro-biomass"
    title = "CSIRO Image2Biomass"
    url = "https://www.kaggle.com/competitions/csiro-biomass"
    metric = "weighted-r2"
    headline = ("weighted-r2", "mean-r2")
    reader = "csiro-biomass"
    embedded = "default"
    default = "default"
    platform = "kaggle"
    slug = "csiro-biomass"

    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """The files in ``presets/``, by name; those of other splits are the default with them."""
        found = presets_in("ctk_csiro_biomass")
        return {**found, **{name: {**found["default"], **found[name]} for name in ("by-state", "by-image")}}

    def variants(self) -> Mapping[str, Sequence[str]]:
        """Without metadata, without an average of weights, without a curriculum."""
        return variants_in("ctk_csiro_biomass")

    def spaces(self) -> Mapping[str, Mapping[str, Any]]:
        """The files in ``spaces/``, by name."""
        return spaces_in("ctk_csiro_biomass")

    def default_data(self, progress: Progress = lambda what, done, total: None) -> Path:
        """Synthetic pastures, drawn once into the competition's own layout."""
        from ctk_csiro_biomass import default_data

        return default_data.folder(progress)

    def evaluate(self, prediction: Array, samples: Samples) -> dict[str, float]:
        """Both forms of R2, and errors by target."""
        from ctk_csiro_biomass.evaluation import evaluate

        return evaluate(prediction, samples)

    def write_submission(self, path: Path, test: Samples, prediction: Array) -> None:
        """A row for each image and target, in the sample submission's order."""
        from ctk_csiro_biomass import submission

        submission.write(path, test, prediction)

    def read_submission(self, path: Path, test: Samples, width: int | None = None) -> Submission:
        """Rows are found by their ids, in whatever order."""
        from ctk_csiro_biomass import submission

        return submission.read(path, test)

    def read_truth(self, path: Path) -> Samples:
        """Row ids and grams."""
        from ctk_csiro_biomass import submission

        return submission.read_truth(path)

    def postprocess(self, prediction: Array, samples: Samples, fitted: Mapping[str, Any]) -> Array:
        """Nothing below zero, and sums those of their parts, as the options say."""
        from ctk_csiro_biomass import repair

        return repair.apply(prediction, samples, fitted.get("options", {}))

    def postprocess_options(self) -> type[Strict]:
        """How predictions are repaired."""
        from ctk_csiro_biomass.repair import Repair

        return Repair

    def write_data(self, folder: Path, train: Samples, test: Samples) -> None:
        """Tables and pictures in the competition's layout."""
        from ctk_csiro_biomass import layout

        layout.write(folder, train, test)

    def report(self, results: Results) -> Sequence[Section]:
        """Pictures with true and predicted grams; errors by target and state."""
        from ctk_csiro_biomass import report

        return report.sections(results)
