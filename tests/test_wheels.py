"""What is built installs and runs without this checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECTS = {".": "ctk", "competitions/aml_retrieval": "ctk_aml_retrieval", "plugins/open_clip": "ctk_open_clip"}
LIGHT = ["click", "pluggy", "pydantic", "rich", "PyYAML", "numpy"]
"""What listing needs; torch and the like are not installed a second time."""

pytestmark = pytest.mark.slow


def sh(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    for project in PROJECTS:
        sh(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT / project)
    return sorted(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def clean(wheels, tmp_path_factory):
    """A new virtual environment with the wheels and what listing needs; returns its bin folder."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    sh(python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", *LIGHT)
    sh(python, "-m", "pip", "install", "-q", "--no-deps", *wheels)
    return folder / "bin"


def test_each_wheel_has_one_import_name_and_its_data(wheels):
    assert len(wheels) == len(PROJECTS)
    for wheel in wheels:
        names = zipfile.ZipFile(wheel).namelist()
        tops = {name.split("/")[0] for name in names if ".dist-info" not in name.split("/")[0]}
        assert len(tops) == 1, tops
        assert tops <= set(PROJECTS.values())
        assert f"{tops.pop()}/py.typed" in names
        assert any("licenses/" in name for name in names), names
    inside = "\n".join(name for wheel in wheels for name in zipfile.ZipFile(wheel).namelist())
    for path in (
        "ctk/report/page.html.j2",
        "presets/quick.yaml",
        "default_data/pictures.zip",
        "default_data/NOTICE.md",
    ):
        assert path in inside


def test_the_entry_points_are_found_without_torch(clean, tmp_path):
    assert [row["id"] for row in json.loads(sh(clean / "ctk", "list", "--json", cwd=tmp_path))] == ["aml-retrieval"]
    rows = json.loads(sh(clean / "ctk", "plugins", "--json", cwd=tmp_path))
    assert {row["name"]: row["problem"] for row in rows} == {"ctk": None, "aml-retrieval": None, "open-clip": None}


def test_a_dry_run_goes_through_from_the_wheels(clean, tmp_path):
    # The heavy libraries are those of this environment; a path file lends them, after the wheels' own folder.
    (site,) = clean.parent.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    where = sh(
        clean / "python", "-c", "import ctk, ctk_aml_retrieval as a; print(ctk.__file__, a.__file__)", cwd=tmp_path
    )
    assert where.count(str(site)) == 2
    environment = {**os.environ, "CTK_CACHE": str(tmp_path / "cache")}
    told = sh(clean / "ctk", "run", "aml-retrieval", "--dry-run", cwd=tmp_path, env=environment)
    assert "500 rows, valid" in told
    assert list(tmp_path.glob("runs/aml-retrieval/*/report.html"))
