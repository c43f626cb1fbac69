"""A plugin's competition inside its guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctk.contract import Competition, Progress, Submission
from ctk.plugins import plugins
from ctk.plugins.guard.arrays import as_json, numbers, numeric
from ctk.plugins.guard.guard import Guard, Wrong
from ctk.samples import Array, Samples

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ctk.contract import Results, Section

FIELDS = ("id", "title", "url", "metric", "reader", "embedded", "default")
"""Texts that a competition has to have."""


class GuardedCompetition(Competition):
    """What the competition raises names its plugin; what it returns is looked at before it is used.

    own  the competition itself, whose further attributes are this one's too
    """

    def __init__(self, guard: Guard) -> None:
        own: Competition = guard.make(contract=Competition)
        self.own = own
        self.guard = guard
        with guard("being looked at"):
            for field in FIELDS:
                if not isinstance(getattr(own, field, None), str):
                    raise Wrong(f"has no '{field}', a text")
            for field in ("headline", "formats"):
                if not getattr(own, field, None) or isinstance(getattr(own, field), str):
                    raise Wrong(f"has no '{field}', a list of texts")
        for field in Competition.__annotations__:
            setattr(self, field, getattr(own, field))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """Named configs."""
        with self.guard("giving its presets"):
            presets = self.own.presets()
            if not isinstance(presets, Mapping):
                raise Wrong(f"gave a {type(presets).__name__} of presets, and configs by name are needed")
            for name, preset in presets.items():
                if not isinstance(preset, Mapping):
                    raise Wrong(f"gave as preset '{name}' a {type(preset).__name__}, and a mapping is needed")
            for name in (self.own.embedded, self.own.default):
                if name not in presets:
                    raise Wrong(f"says its preset is '{name}', and has {', '.join(presets) or 'none'}")
        return presets

    def spaces(self) -> Mapping[str, Mapping[str, Any]]:
        """Named spaces of hyper-parameters."""
        with self.guard("giving its spaces"):
            spaces = self.own.spaces()
            if not isinstance(spaces, Mapping):
                raise Wrong(f"gave a {type(spaces).__name__} of spaces, and spaces by name are needed")
        return spaces

    def default_data(self, progress: Progress = lambda what, done, total: None) -> Path:
        """The folder of the embedded default data."""
        with self.guard("making its default data"):
            folder = self.own.default_data(progress)
            if not isinstance(folder, Path):
                raise Wrong(f"gave a {type(folder).__name__} as the folder of its data, and a Path is needed")
        return folder

    def evaluate(self, prediction: Array, samples: Samples) -> dict[str, float]:
        """All the numbers worth showing."""
        with self.guard("evaluating predictions"):
            return numbers(self.own.evaluate(prediction, samples), "evaluated", self.own.headline)

    def write_submission(self, path: Path, test: Samples, prediction: Array) -> None:
        """Write the file."""
        with self.guard("writing the submission"):
            self.own.write_submission(path, test, prediction)
            if not path.is_file():
                raise Wrong(f"wrote no submission to {path}")

    def read_submission(self, path: Path, test: Samples, width: int | None = None) -> Submission:
        """Read and check a submission."""
        with self.guard(f"reading {path}"):
            read = self.own.read_submission(path, test, width)
            if not isinstance(read, Submission):
                raise Wrong(f"read a {type(read).__name__}, and a ctk.contract.Submission is needed")
            if not np.array_equal(read.ids, test.ids):
                raise Wrong(f"read {path} into {len(read.ids):,} ids that are not those of the test samples, in order")
            if len(read.values) != len(test):
                raise Wrong(f"read {path} into values {np.shape(read.values)} for {len(test):,} ids")
        return read

    def read_truth(self, path: Path) -> Samples:
        """Test samples with their targets."""
        with self.guard(f"reading {path}"):
            truth = self.own.read_truth(path)
            if not isinstance(truth, Samples) or truth.target is None:
                raise Wrong(f"read {path} into no samples with a target")
        return truth

    def score(self, prediction: Array, truth: Samples) -> dict[str, float]:
        """A submission's numbers against the truth."""
        with self.guard("scoring a submission"):
            return numbers(self.own.score(prediction, truth), "scored")

    def score_file(self, path: Path, truth: Path) -> dict[str, float]:
        """The same from files."""
        with self.guard(f"scoring {path}"):
            return numbers(self.own.score_file(path, truth), "scored")

    def fit_postprocess(self, prediction: Array, samples: Samples) -> dict[str, Any]:
        """What ``postprocess`` has to know."""
        with self.guard("fitting its postprocessing"):
            return as_json(self.own.fit_postprocess(prediction, samples), "gave to its postprocessing")

    def postprocess(self, prediction: Array, samples: Samples, fitted: Mapping[str, Any]) -> Array:
        """Mend a prediction."""
        with self.guard("postprocessing"):
            mended = numeric(self.own.postprocess(prediction, samples, fitted), "postprocessed predictions into")
            if mended.shape != prediction.shape:
                raise Wrong(f"postprocessed predictions of shape {prediction.shape} into {mended.shape}")
        return mended

    def write_data(self, folder: Path, train: Samples, test: Samples) -> None:
        """Write samples in the competition's own layout."""
        with self.guard("writing data"):
            self.own.write_data(folder, train, test)

    def build(self) -> type[BaseModel] | None:
        """Schema of ``ctk data ID --build``."""
        with self.guard("telling how its data is built"):
            return self.own.build()

    def report(self, results: Results) -> Sequence[Section]:
        """Sections of the report."""
        with self.guard("drawing its report"):
            return list(self.own.report(results))


def competition_of(name: str) -> Competition:
    """A competition by id, inside its plugin's guard. Raises UsageError with the nearest id."""
    from ctk.plugins.guard import Guard  # late: a guarded competition is one

    guard = Guard("competitions", name)
    competition = GuardedCompetition(guard)
    competition.named = plugins().reference(guard.component)
    beside = plugins().beside("competitions", name)
    competition.metric = beside.reference(beside.get("metrics", competition.metric))
    if competition.board:
        competition.board = beside.reference(beside.get("metrics", competition.board))
    competition.reader = beside.reference(beside.get("data", competition.reader))
    return competition


def is_named(competition: Competition, name: str) -> bool:
    """Whether a saved config means this competition, whatever else had its id then or has it now."""
    prefix, _, bare = name.rpartition(":")
    own = plugins().get("competitions", competition.named)
    return bare == own.name and (not prefix or plugins().plugin_of(own).is_called(prefix))
