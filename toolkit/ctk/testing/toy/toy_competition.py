"""The toy competition in its flavours, and their metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ctk.contract import Competition, Metric, Progress, Submission
from ctk.errors import DataError, SubmissionError
from ctk.files import atomic, cache_folder, write_text
from ctk.samples import Array, Samples
from ctk.testing.toy.toy_samples import FLAVOUR, PICTURES, make_toy_samples


def _mean_squared_error(prediction: Array, samples: Samples) -> float:
    """Mean of the squared error over rows and columns."""
    return float(np.square(prediction - samples.target_values()).mean())


def _accuracy(prediction: Array, samples: Samples) -> float:
    """Share of rows whose largest number stands where the target has its one."""
    return float((prediction.argmax(1) == samples.target_values().argmax(1)).mean())


def _mean_reciprocal_rank(prediction: Array, samples: Samples) -> float:
    """Mean reciprocal rank by distance from the gallery's vectors; equal distances count against."""
    assert samples.gallery is not None
    assert samples.target is not None
    apart = np.square(prediction[:, None].astype(np.float64) - samples.gallery.vectors).sum(-1)
    own = apart[np.arange(len(apart)), samples.target]
    return float((1 / (apart <= own[:, None]).sum(1)).mean())


def _exact(prediction: Array, samples: Samples) -> float:
    """Share of words that are predicted exactly."""
    return float((prediction == samples.target).mean())


EXACT = Metric("toy-exact", "max", _exact)
MSE = Metric("toy-mse", "min", _mean_squared_error, climb="mse")
ACCURACY = Metric("toy-accuracy", "max", _accuracy)
MRR = Metric("toy-mrr", "max", _mean_reciprocal_rank)


def _number(cell: str) -> float:
    if "_" in cell:  # which Python takes for a way of writing one
        raise ValueError(f"{cell!r} is no number")
    return float(cell)


SPLIT = {"by": "block", "folds": 4}
TRAINING = {"optimizer": {"lr": 0.01}, "batch": {"size": 16}, "epochs": 2}
"""Of the preset's networks."""


class ToyCompetition(Competition):
    """What every flavour has. A submission is a table of ``id`` and the prediction's columns."""

    url = "https://example.org/toy"
    reader = "toy"
    embedded = default = "toy"

    scorer: Metric
    written: Callable[[Any], str] = staticmethod(repr)
    """A cell of the table as text; and back."""
    read: Callable[[str], Any] = staticmethod(_number)

    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """A small network beside a ridge regression."""
        network = {"model": "toy-network", "loss": "toy-squared-error", **TRAINING}
        return {"toy": {"split": SPLIT, "members": [{"model": "ridge"}, network], "blend": "mean"}}

    def default_data(self, progress: Progress = lambda what, done, total: None) -> Path:
        """A folder that says which flavour it is."""
        folder = cache_folder() / "toy" / self.id
        if not (folder / FLAVOUR).exists():  # written anew it would be other data, and a run could not be gone on with
            self._draw(folder)
            write_text(folder / FLAVOUR, self.id)
        return folder

    def _draw(self, folder: Path) -> None:
        """A picture of one colour for each thing of the gallery, if there is one."""
        from PIL import Image

        gallery = make_toy_samples(self.id)[0].gallery
        for number, name in enumerate(gallery.names.tolist() if gallery is not None else ()):
            (folder / PICTURES).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (16, 16), (10 * number, 255 - 10 * number, 128)).save(folder / PICTURES / name)

    def evaluate(self, prediction: Array, samples: Samples) -> dict[str, float]:
        """The value of the one metric."""
        return {self.scorer.name: self.scorer.score(prediction, samples)}

    def write_submission(self, path: Path, test: Samples, prediction: Array) -> None:
        """Write every number with all its digits."""
        columns = np.asarray(prediction).reshape(len(test), -1)
        lines = [",".join(_header(columns.shape[1]))]
        for id, row in zip(test.ids.tolist(), columns.tolist(), strict=True):
            lines.append(",".join([str(id), *map(self.written, row)]))
        with atomic(path) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def read_submission(self, path: Path, test: Samples, width: int | None = None) -> Submission:
        """Read rows by id, each as wide as is asked for."""
        rows = _rows(path, SubmissionError, type(self).read)
        ids = [id for id, _ in rows]
        widths = {len(numbers) for _, numbers in rows} | ({width} if width is not None else set())
        if sorted(ids) != sorted(map(str, test.ids.tolist())) or len(widths) != 1:
            raise SubmissionError(f"{path}: ids or columns are not those asked for.", "One row a test id.")
        by_id = dict(rows)
        values = np.array([by_id[str(id)] for id in test.ids.tolist()])
        if values.dtype.kind == "U":
            return Submission(test.ids, values.reshape(len(values)))
        if not np.isfinite(values).all():
            raise SubmissionError(f"{path}: row {1 + int((~np.isfinite(values)).any(1).argmax())} is not finite.")
        return Submission(test.ids, values)

    def read_truth(self, path: Path) -> Samples:
        """The test samples of a flavour's folder."""
        if path.name != FLAVOUR or not path.is_file():
            raise DataError(f"{path}: is no truth of the toy competition.")
        return make_toy_samples(self.id)[1]


class ToyRegression(ToyCompetition):
    """Two numbers from four."""

    id = "toy-regression"
    title = "Toy regression"
    metric = "toy-mse"
    headline = ("toy-mse",)
    scorer = MSE


class ToyEvents(ToyRegression):
    """Whether something happens, from four numbers."""

    id = "toy-events"
    title = "Toy events"


class ToyAmounts(ToyRegression):
    """A number well above zero from four numbers."""

    id = "toy-amounts"
    title = "Toy amounts"


class ToyClassification(ToyCompetition):
    """One of three classes from four numbers."""

    id = "toy-classification"
    title = "Toy classification"
    metric = "toy-accuracy"
    headline = ("toy-accuracy",)
    scorer = ACCURACY


class ToyRetrieval(ToyCompetition):
    """One of 24 vectors from four numbers."""

    id = "toy-retrieval"
    title = "Toy retrieval"
    metric = "toy-mrr"
    headline = ("toy-mrr",)
    scorer = MRR


class ToyText(ToyCompetition):
    """A word from four numbers."""

    id = "toy-text"
    title = "Toy text"
    metric = "toy-exact"
    headline = ("toy-exact",)
    scorer = EXACT
    written = staticmethod(str)
    read = staticmethod(str)

    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """A small network of characters."""
        network = {"model": "toy-text-network", "loss": "own", **TRAINING}
        return {"toy": {"split": SPLIT, "members": [network], "blend": "vote"}}


def _rows(path: Path, error: type[SubmissionError], read: Callable[[str], Any]) -> list[tuple[str, list[Any]]]:
    """Id and cells of each line after the header, which is as it was written."""
    try:
        header, *rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()] or [[]]
        if header != _header(len(header) - 1):
            raise ValueError(f"its columns are {','.join(header)}, and not {','.join(_header(len(header) - 1))}")
        return [(id, [read(cell) for cell in cells]) for id, *cells in rows]
    except (OSError, ValueError) as problem:
        raise error(f"{path}: cannot be read as the toy competition's table ({problem}).") from None


def _header(width: int) -> list[str]:
    return ["id", *(f"y{n}" for n in range(width))]
