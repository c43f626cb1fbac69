"""Every command of the tutorials works, in their order, in an environment that has nothing of this checkout."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from pages import ROOT, blocks
from walkthrough import walk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def borrowed(lent, wheels):
    """What a reader's computer has: Python, a package index with our wheels in it, and the heavy libraries."""
    return {
        "PYTHONPATH": str(lent / "libraries"),
        "PIP_FIND_LINKS": str(wheels),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
    }


@pytest.mark.parametrize("page", ["write/competition.md", "write/component.md", "write/model.md", "write/one-file.md"])
def test_the_page_works_as_it_says(page, borrowed, tmp_path):
    assert not [block for block in blocks(page) if block.language in ("sh", "bash")], "commands that no test types"
    typed = walk(page, tmp_path, {**borrowed, "CTK_CACHE": str(tmp_path / "cache")})
    assert any("ctk run" in command for command in typed)


def test_the_first_day_of_a_competition_is_as_the_page_says(borrowed, tmp_path, build_wheels):
    """Its package is installed, run, changed, run again and tested, by somebody who has three files and no plugin."""
    sources, wheels = tmp_path / "sources", tmp_path / "wheels"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "tests")
    for name in ("tables", "lightgbm"):
        shutil.copytree(ROOT / "plugins" / name, sources / name, ignore=ignored)
    wheels.mkdir()
    build_wheels(wheels, *sources.iterdir())
    work = tmp_path / "work"
    work.mkdir()
    found = f"{borrowed['PIP_FIND_LINKS']} {wheels}"
    own = {"PIP_FIND_LINKS": found, "CTK_CACHE": str(tmp_path / "cache"), "COLUMNS": "200"}
    typed = walk("tutorials/day-one.md", work, {**borrowed, **own})
    assert "ctk new competition homes --data homes" in typed


def test_what_can_be_typed_without_a_cluster_works_as_the_page_says(borrowed, tmp_path):
    pytest.importorskip("ctk_ray")
    walk(
        "guide/clusters.md",
        tmp_path,
        {**{name: borrowed[name] for name in ("PATH", "OMP_NUM_THREADS")}, "COLUMNS": "200"},
    )


def test_one_model_is_trained_by_two_processes_as_the_page_says(borrowed, tmp_path):
    own = {"CTK_CACHE": str(tmp_path / "cache"), "COLUMNS": "200"}
    walk("guide/many-gpus.md", tmp_path, {**{name: borrowed[name] for name in ("PATH", "OMP_NUM_THREADS")}, **own})


def test_what_users_are_told_of_plugins_is_so(borrowed, tmp_path):
    walk("guide/plugins.md", tmp_path, {name: borrowed[name] for name in ("PATH", "OMP_NUM_THREADS", "COLUMNS")})


def test_the_script_with_the_ops_alone_runs(borrowed, tmp_path):
    walk("guide/ops-alone.md", tmp_path, {name: borrowed[name] for name in ("PATH", "OMP_NUM_THREADS")})


@pytest.mark.parametrize("page", ["guide/cv.md", "guide/ablations.md", "guide/search.md"])
def test_the_tables_that_a_page_shows_are_printed(page, borrowed, tmp_path):
    walk(page, tmp_path, {**{name: borrowed[name] for name in ("PATH", "OMP_NUM_THREADS")}, "COLUMNS": "200"})
