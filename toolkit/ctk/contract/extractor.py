"""What an extractor is: it makes features of samples, once for all members that are handed them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

from ctk.samples import Array, Samples

Columns = Mapping[str, Array]
"""Extracted features by column name: (N,) or (N, K) float32, where NaN is missing, or (N,) text, which is a category.

A column becomes the feature ``NAME/COLUMN``, where the config calls the extractor ``NAME``. One array alone may have
the name "", and is the feature ``NAME``. Names name files, with ``/`` between folders, and are no patterns: there is
no ``* ? [ ]`` or backslash in them, and no folder or file begins with a dot.
"""
Done = Callable[[int, int], None]
"""Told how far an extractor is: how much is done, of how much."""


class Extractor(ABC):
    """Makes features of samples. Keyword-only parameters of a subclass's ``__init__`` are its config keys.

    A frozen one has ``extract`` alone, which is called for the training samples and for the test samples, once each
    for all runs. One that learns has ``fit`` too, and is fitted on the training rows of each fold alone; it also has
    ``save`` and ``load``, so that other test samples can be predicted later.
    """

    learns: bool = False
    """Whether it is fitted, on the training rows of each fold alone."""
    rows: int | None = None
    """For frozen ones that make a row's features of that row alone: how many rows ``extract`` is given at a time. Each
    such block is kept, and who was killed goes on behind the last one. None: all rows at once."""
    of: tuple[str, ...] = ()
    """Features that the config's ``of`` gave it, by full name; set before it is fitted, loaded or extracts. They stand
    in ``samples.features`` beside the data's own."""
    device: str = "auto"
    """The run's: auto, cpu or gpu; set when it was made. ``ctk.training.torch_device`` chooses torch's by it."""

    @abstractmethod
    def extract(self, samples: Samples, progress: Done) -> Columns:
        """Make the features of samples: a row a sample, the same columns of the same types for any samples."""

    def fit(self, train: Samples) -> None:
        """Learn from training samples, with their target."""
        raise NotImplementedError("an extractor that learns needs `fit`")

    def fit_extract(self, train: Samples, progress: Done) -> Columns:
        """Learn from training samples, and make their own features.

        One whose features tell a row's own target overrides it, and makes those of training rows from other rows.
        """
        self.fit(train)
        return self.extract(train, progress)

    def save(self, folder: Path) -> None:
        """Write what it learned into a folder, which is there."""
        raise NotImplementedError("an extractor that learns needs `save`")

    def load(self, folder: Path) -> None:
        """Become the extractor that was saved."""
        raise NotImplementedError("an extractor that learns needs `load`")
