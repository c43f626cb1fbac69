"""What a competition is: its data, metric, presets, submission and report, by name and by method."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctk.contract.reader import Progress
from ctk.errors import UsageError
from ctk.files import parse_yaml
from ctk.samples import Array, Samples

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ctk.contract.bundle import FittedMember
    from ctk.contract.results import Results
    from ctk.contract.schema import Strict
    from ctk.contract.section import Section

OPTIONS = "options"
"""Key of the config's options among what ``postprocess`` is given."""


@dataclass(frozen=True)
class Submission:
    """A submission file that was read and found valid: ids (N,) and values (N, ...)."""

    ids: Array
    values: Array


class Competition(ABC):
    """What the toolkit knows about one competition. Subclasses fill in the fields and the methods below.

    id        as in ``ctk run ID``
    title     for people
    url       where it was or is held; empty where it has no page
    metric    name of the registered metric that decides
    headline  the numbers of ``evaluate`` that tables show, the deciding one first
    reader    name of the registered data reader
    embedded  the preset when no --data is given
    default   the preset when --data is given
    formats   suffixes that a submission may have, the usual one first
    platform  name of the registered platform that holds it, if one does
    slug      what it is called there
    board     name of the registered metric that its leaderboard shows, where that is not the deciding one
    bundled   whether a submission is a bundle of fitted models, no table of predictions: then ``write_bundle`` and
              ``check_bundle`` are called instead of ``write_submission`` and ``read_submission``
    named     its name in configs, filled in when it is found: the id, with a distribution before it if two have one
    """

    id: str
    title: str
    url: str
    metric: str
    headline: Sequence[str]
    reader: str
    embedded: str
    default: str
    formats: Sequence[str] = ("csv",)
    platform: str = ""
    slug: str = ""
    board: str = ""
    bundled: bool = False
    named: str = ""

    @abstractmethod
    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """Return named configs; see ``ctk.contract.RunConfig`` for the keys."""

    def spaces(self) -> Mapping[str, Mapping[str, Any]]:
        """Return named spaces of hyper-parameters for ``ctk search``; docs/guide/search.md has the form."""
        return {}

    def variants(self) -> Mapping[str, Sequence[str]]:
        """Return variants of the preset ``ablation`` by name, "key=value" each; ``ctk ablate`` alone runs them."""
        return {}

    @abstractmethod
    def default_data(self, progress: Progress = lambda what, done, total: None) -> Path:
        """Find the folder of the embedded default data, in the competition's own layout; made on first use."""

    @abstractmethod
    def evaluate(self, prediction: Array, samples: Samples) -> dict[str, float]:
        """Compute all the numbers worth showing, by name; the deciding metric first."""

    def write_submission(self, path: Path, test: Samples, prediction: Array) -> None:
        """Write the file in the format of its suffix, one of ``formats``, atomically."""
        raise UsageError(f"{self.id} writes no table of predictions.", self._instead())

    def read_submission(self, path: Path, test: Samples, width: int | None = None) -> Submission:
        """Read and check a submission for these test samples, rows in their order.

        ``width`` is the length of a prediction, where it matters and is known. Raises SubmissionError naming row and
        column of the first things wrong.
        """
        raise UsageError(f"{self.id} reads no table of predictions.", self._instead())

    def write_bundle(
        self, path: Path, members: Sequence[FittedMember], test: Samples, options: Mapping[str, Any]
    ) -> Sequence[str]:
        """Write a bundle of fitted models, atomically; returns sentences of what was left out of it, if anything.

        members  those with a weight in the blend, folds apart, the heaviest first
        options  of the config's ``submission``, as ``submission_options`` has them
        """
        raise UsageError(f"{self.id} writes no bundle.", self._instead())

    def check_bundle(self, path: Path, test: Samples) -> Sequence[str]:
        """Check a bundle, anyone's, without running its code; returns facts of it for people, a sentence each.

        Raises SubmissionError naming the file in it that is wrong.
        """
        raise UsageError(f"{self.id} reads no bundle.", self._instead())

    def _instead(self) -> str:
        what = "a bundle of models" if self.bundled else "a table of predictions"
        return f"Its submission is {what}; if that is what you gave, its plugin lacks a method: tell its author."

    def submission_options(self) -> type[Strict] | None:
        """Return the schema of the config's ``submission``, each field with a default; None where there is no choice.

        A field marked by ``ctk.contract.RunOf`` names a run, such as one that another part of a bundle comes from.
        """
        return None

    def submitted(self, prediction: Array, test: Samples) -> Array:
        """Return what a submission holds of a prediction, (N, ...), as ``read_submission`` gives it back.

        The numbers themselves, unless the competition asks for something made of them: the name of the likeliest class.
        """
        return prediction

    @abstractmethod
    def read_truth(self, path: Path) -> Samples:
        """Read test samples with their targets, from a file of the competition's layout. Raises DataError."""

    def score(self, prediction: Array, truth: Samples) -> dict[str, float]:
        """Score a submission against the truth, rows in the test's order, as the organisers count."""
        return self.evaluate(prediction, truth)

    def score_file(self, path: Path, truth: Path, **options: Any) -> dict[str, float]:
        """Score a submission's file against the truth's, by options of ``score_options``; ``Graded`` says more of it.

        Raises SubmissionError, DataError.
        """
        samples = self.read_truth(truth)
        return self.score(self.read_submission(path, samples, samples.target_width).values, samples)

    def score_options(self) -> type[Strict] | None:
        """Return the schema of what ``ctk score ID -o`` may choose, each field with a default; None for no choice."""
        return None

    def fit_postprocess(self, prediction: Array, samples: Samples) -> dict[str, Any]:
        """Find what ``postprocess`` has to know from out-of-fold predictions; data that can be saved as JSON."""
        return {}

    def postprocess(self, prediction: Array, samples: Samples, fitted: Mapping[str, Any]) -> Array:
        """Mend a prediction, a member's or the blend's, by what is known of the competition.

        ``fitted`` is what ``fit_postprocess`` found, empty where there were no out-of-fold predictions; under "options"
        it has those of the config, where the competition has any. What is mended twice must be the same as what is
        mended once.
        """
        return prediction

    def postprocess_options(self) -> type[Strict] | None:
        """Return the schema of the config's ``postprocess``, each field with a default; None where there is no choice.

        A competition with such options has the scores of raw and of mended predictions shown side by side.
        """
        return None

    def write_data(self, folder: Path, train: Samples, test: Samples) -> None:
        """Write samples in the competition's own layout (after a filter, say)."""
        raise UsageError(f"{self.id} cannot write its data layout.")

    def build(self) -> type[BaseModel] | None:
        """Return the schema of ``ctk data ID --build``: its fields become options, ``run(progress)`` does the work."""
        return None

    def data_verbs(self) -> Mapping[str, type[BaseModel]]:
        """Return what ``ctk data ID --VERB`` can do with data besides, by verb: schemas like that of ``build``.

        A field that is called as its verb has the value that may follow it, as in ``--check FILE``. ``--data`` and
        ``--out`` are handed on as fields ``data`` and ``out``. ``run(progress)`` may return lines to be printed.
        """
        schema = self.build()
        return {} if schema is None else {"build": schema}

    def report(self, results: Results) -> Sequence[Section]:
        """Make the sections of the report that only this competition can draw."""
        return ()


def presets_in(package: str, folder: str = "presets") -> dict[str, dict[str, Any]]:
    """Read the configs in a folder of a package, by the names of their YAML files."""
    return _yaml_in(package, folder)


def spaces_in(package: str) -> dict[str, dict[str, Any]]:
    """Read the search spaces in a package's folder ``spaces``, by the names of their YAML files."""
    return _yaml_in(package, "spaces")


def variants_in(package: str) -> dict[str, list[str]]:
    """Read the variants in a package's ``variants.yaml``: by name, config keys and their values."""
    raw = parse_yaml((files(package) / "variants.yaml").read_text(encoding="utf-8"))
    return {name: [f"{key}={json.dumps(value)}" for key, value in keys.items()] for name, keys in raw.items()}


def _yaml_in(package: str, inside: str) -> dict[str, dict[str, Any]]:
    folder = files(package) / inside
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".yaml")), key=lambda path: path.name)
    return {path.name.removesuffix(".yaml"): parse_yaml(path.read_text(encoding="utf-8")) for path in paths}
