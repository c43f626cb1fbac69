"""A small real data set: pictures and captions of the embedded one, in the competition's own layout."""

import os
import subprocess
import sys
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
def small(whole, tmp_path_factory) -> Path:
    """A folder with some hundred captions of the embedded data, with its test and truth cut short too."""
    folder = tmp_path_factory.mktemp("small")
    rows = np.flatnonzero(whole.train.target < 90)
    assert whole.truth is not None
    layout.write(folder, whole.train.take(rows).with_own_gallery(), labelled=True)
    layout.write(folder, whole.test.take(np.arange(100)), labelled=False)
    truth = whole.truth.take(np.arange(100)).with_own_gallery()
    layout.write(folder / "test" / "test.truth.npz", truth, labelled=True)
    os.symlink(whole.files, folder / "train" / "Images")
    return folder


@pytest.fixture
def ctk(tmp_path):
    """Call the command line in a folder of its own; returns the finished process."""

    def call(*arguments, timeout=300, **environment):
        return subprocess.run(
            [sys.executable, "-m", "ctk", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "CTK_RUNS": str(tmp_path / "runs"), "COLUMNS": "200", **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return call
