"""A packed run predicts what it predicts at home: without a network, in an environment that has only libraries."""

import json
import os
import shutil
import subprocess
import venv
from pathlib import Path

import pandas as pd
import pytest

from ctk import api
from ctk.errors import CtkError, UsageError
from ctk.runs import Run

from .conftest import SERIAL, write_tables

pytestmark = pytest.mark.slow

HERE = "{}.{}".format(*__import__("sys").version_info)
EXECUTE = """
import json, sys
cells = json.load(open(sys.argv[1]))["cells"]
names = {"__name__": "__main__"}
for cell in cells:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]), names)
"""


@pytest.fixture
def packed(place, finished, image):
    """The folder that the finished run was packed into."""
    if not (place / "packed").exists():
        api.pack(str(finished), place / "packed", image, python=HERE)
    return place / "packed"


@pytest.fixture
def clean(place, lent):
    """The Python of an environment with this one's libraries and pip, but nothing of ours."""
    folder = place / "clean"
    if not folder.exists():
        venv.create(folder, symlinks=True)
        (site,) = folder.glob("lib/python*/site-packages")
        (site / "lent.pth").write_text(f"{lent / 'libraries'}\n{lent / 'tools'}\n")
    return folder / "bin" / "python"


@pytest.fixture
def offline():
    """What goes before a command so that it has no network; skips where the system lets nobody take it away."""
    command = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("no namespace without a network can be made here")
    return command


def execute(python, packed, data, work, before=()):
    work.mkdir()
    environment = {**os.environ, "CTK_PACKED": str(packed), "CTK_DATA": str(data)}
    for name in ("PYTHONPATH", "CTK_CACHE", "CTK_RUNS", "CTK_PLUGINS_DIR"):
        environment.pop(name, None)
    command = [*before, python, "-c", EXECUTE, packed / "predict.ipynb"]
    return subprocess.run([str(each) for each in command], cwd=work, env=environment, capture_output=True, text=True)


def test_the_notebook_predicts_another_test_offline_as_home_does(packed, clean, offline, finished, tmp_path):
    data = write_tables(tmp_path / "mounted", seed=2, train=False)
    done = execute(clean, packed, data, tmp_path / "work", offline)
    assert done.returncode == 0, done.stdout + done.stderr
    home = api.run("strip", data=data, checkpoints=finished, overrides=SERIAL, root=tmp_path / "home")
    predicted = pd.read_csv(tmp_path / "work" / "submission.csv")
    pd.testing.assert_frame_equal(predicted, pd.read_csv(home.submission), rtol=1e-6)
    assert predicted["id"].tolist() == list(range(2000, 2020))
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["submission.csv"]
