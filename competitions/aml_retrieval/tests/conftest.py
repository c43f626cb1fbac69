"""A small real data set, pictures and captions of the embedded one in the competition's own layout, and a run on it."""

import os
from pathlib import Path

import numpy as np
import pytest

from ctk.samples import Data
from ctk_aml_retrieval import embedded, layout


@pytest.fixture(scope="session")
def whole() -> Data:
    """The embedded data."""
    return layout.read(embedded.folder())


@pytest.fixture(scope="session")
def small(once, whole) -> Path:
    """A folder with some hundred captions of the embedded data, with its test and truth cut short too."""

    def make(folder: Path) -> None:
        assert whole.truth is not None
        train = whole.train.take(np.flatnonzero(whole.train.target < 90)).with_own_gallery()
        layout.write(folder, train, labelled=True)
        layout.write(folder, whole.test.take(np.arange(100)), labelled=False)
        truth = whole.truth.take(np.arange(100)).with_own_gallery()
        layout.write(folder / "test" / "test.truth.npz", truth, labelled=True)
        os.symlink(whole.files, folder / "train" / "Images")

    return once("aml-small", make)


SMALL = (
    "--preset", "quick", "-o", "split.by=image", "-o", "members.residual-mlp.epochs=3",
    "-o", "members.residual-mlp.model.hidden=32", "-o", "members.residual-mlp.batch.size=128",
    "-o", "executor.name=serial", "-o", "executor.threads=1",
)  # fmt: skip
"""The quick preset, cut small, in this process."""


@pytest.fixture(scope="session")
def finished(once, ctk_in, small) -> Path:
    """A run's folder that tests read: two seeds, greedily blended, named "mine"; ``said.txt`` is what it printed."""

    def make(folder: Path) -> None:
        line = (
            "run",
            "aml-retrieval",
            "--data",
            small,
            *SMALL,
            "--seeds",
            "1,2",
            "--name",
            "mine",
            "-o",
            "blend=greedy",
        )
        (folder / "said.txt").write_text(ctk_in(folder)(*line, code=0).stdout)

    (run,) = (once("aml-retrieval", make) / "runs" / "aml-retrieval").iterdir()
    return run


@pytest.fixture
def run(ctk, small, tmp_path):
    """Run the quick preset on the small data; returns the run's folder and what it printed."""

    def go(*arguments: object) -> tuple[Path, str]:
        printed = ctk("run", "aml-retrieval", "--data", small, *SMALL, *arguments, code=0).stdout
        folders = (tmp_path / "runs" / "aml-retrieval").iterdir()
        return max(folders, key=lambda folder: folder.stat().st_mtime), printed

    return go
