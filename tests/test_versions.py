"""One version holds for the toolkit and all that is released with it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import ctk
from ctk.new.render import requires_ctk

ROOT = Path(__file__).parents[1]
PROJECTS = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))


def project(folder: Path) -> dict:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_toolkit_is_of_the_version_that_its_package_says():
    assert project(ROOT)["version"] == ctk.__version__


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_a_plugin_released_with_the_toolkit_is_of_its_version_and_made_for_it(folder):
    wanted = requires_ctk(ctk.__version__)
    (plugin,) = folder.glob("ctk_*/plugin.py")
    assert project(folder)["version"] == ctk.__version__
    assert f"competition-toolkit{wanted}" in project(folder)["dependencies"]
    assert re.search(r'^requires_ctk = "(.*)"$', plugin.read_text(encoding="utf-8"), re.MULTILINE)[1] == wanted


def test_what_users_see_of_a_version_is_in_the_changelog():
    assert f"\n## {ctk.__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
