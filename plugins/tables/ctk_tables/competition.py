"""The competition of a table, as far as it is general: a package's own subclass says what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from yaml import YAMLError

from ctk.contract import Competition, Metric, Progress, Submission, presets_in, spaces_in
from ctk.errors import UsageError
from ctk.files import parse_yaml, yaml_problem
from ctk.samples import Array, Samples
from ctk_tables import metrics
from ctk_tables.description import Finding, TableDescription

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ctk.contract import Results, Section

DESCRIBED = "table.yaml"
"""In a package, its description."""
WARNED = "warnings.yaml"
"""In a package, what was warned of when it was made."""
FOUND = "findings.yaml"
"""In a package, what was found in the files and why, for the page."""
SAMPLE = "sample"
"""In a package, the folder with a few rows of the data."""
THRESHOLDS = "thresholds"


def description_in(package: str) -> TableDescription:
    """Read the description that lies in a package. Raises UsageError naming the key that is wrong."""
    try:
        return TableDescription.model_validate(parse_yaml(_text(package, DESCRIBED)))
    except (YAMLError, ValidationError) as error:
        raise UsageError(f"{DESCRIBED} of {package}: {_reason(error)}.", "Mend the line that it names.") from None


class TableCompetition(Competition):
    """Rows of a table, of which some columns are to be predicted. A subclass lies in the package of its own files.

    description  what is known of the table, the package's ``table.yaml``
    data         the folder of the files; where it is not there, the package's sample of them is the default data
    scorer       the package's own metric, where one decides
    """

    description: TableDescription
    data: str = ""
    scorer: Metric | None = None
    embedded = "default"
    default = "default"

    @property
    def package(self) -> str:
        """The package that the subclass lies in."""
        return type(self).__module__.partition(".")[0]

    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """The files in ``presets/``, by name."""
        return presets_in(self.package)

    def spaces(self) -> Mapping[str, Mapping[str, Any]]:
        """The files in ``spaces/``, by name."""
        return spaces_in(self.package)

    def default_data(self, progress: Progress = lambda what, done, total: None) -> Path:
        """The folder that the package was made of; where it is gone, the sample that the package has."""
        given = Path(self.data)
        return given if self.data and given.is_dir() else Path(str(files(self.package) / SAMPLE))

    def measure(self, name: str) -> Metric:
        """Load a metric by name, the package's own among them."""
        return self.scorer if self.scorer is not None and name == self.scorer.name else metrics.find(name)

    def evaluate(self, prediction: Array, samples: Samples) -> dict[str, float]:
        """The numbers of ``headline``, the deciding metric first."""
        return {name: float(self.measure(name).score(prediction, samples)) for name in self.headline}

    def write_submission(self, path: Path, test: Samples, prediction: Array) -> None:
        """Columns, order and words as the sample submission has them."""
        from ctk_tables import submission

        submission.write(path, test, prediction, self.description)

    def read_submission(self, path: Path, test: Samples, width: int | None = None) -> Submission:
        """Rows are found by their ids, in whatever order."""
        from ctk_tables import submission

        return submission.read(path, test, self.description)

    def submitted(self, prediction: Array, test: Samples) -> Array:
        """Numbers as they are; zeros and ones where labels are handed in."""
        from ctk_tables import submission

        return submission.values_of(prediction, self.description)

    def read_truth(self, path: Path) -> Samples:
        """Ids and targets, as they stand in the train file or in a submission."""
        from ctk_tables.truth import read_truth

        return read_truth(path, self.description)

    def fit_postprocess(self, prediction: Array, samples: Samples) -> dict[str, Any]:
        """Thresholds, where labels are handed in and a metric of labels decides."""
        if not self._makes_labels or samples.target is None:
            return {}
        from ctk_tables.thresholds import fit_thresholds

        count = len(self.description.classes) if self.description.task == "ordinal" else None
        found = fit_thresholds(
            prediction, samples.target, self.measure(self.headline[0]), self.description.task, classes=count
        )
        return {THRESHOLDS: found}

    def postprocess(self, prediction: Array, samples: Samples, fitted: Mapping[str, Any]) -> Array:
        """Labels by the thresholds that were found; whole numbers are labels already."""
        from ctk_tables import submission
        from ctk_tables.thresholds import apply_thresholds

        if not fitted.get(THRESHOLDS) or submission.holds_labels(prediction, self.description):
            return prediction
        return apply_thresholds(prediction, fitted[THRESHOLDS], self.description.task)

    def data_verbs(self) -> Mapping[str, type[BaseModel]]:
        """``ctk data NAME --look`` looks for what costs an evening."""
        from ctk_tables.looks.look_verb import look_verb

        return {"look": look_verb(self.description, self.default_data)}

    def report(self, results: Results) -> Sequence[Section]:
        """What was found, missing values, drift and errors by segment."""
        from ctk_tables.looks import parse_warnings
        from ctk_tables.report import sections

        warnings = parse_warnings(_text(self.package, WARNED))
        findings = [Finding(**each) for each in parse_yaml(_text(self.package, FOUND))]
        return sections(results, self.description, warnings, findings)

    @property
    def _makes_labels(self) -> bool:
        of_labels = self.scorer is not None or metrics.wants_labels(self.description.metric)
        return self.description.submits == "labels" and of_labels


def _reason(error: YAMLError | ValidationError) -> str:
    if isinstance(error, YAMLError):
        return yaml_problem(error)
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg'].removeprefix('Value error, ')}"


def _text(package: str, name: str) -> str:
    place = files(package) / name
    if not place.is_file():
        raise UsageError(f"{package} has no {name}.", "`ctk new competition NAME --data DIR` writes one.")
    return place.read_text(encoding="utf-8")
