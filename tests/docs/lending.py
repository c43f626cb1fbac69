"""A clean environment's wheels, and the heavy libraries of this one lent to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from pages import ROOT

KEPT = ("pip", "setuptools", "_distutils_hack", "distutils-precedence", "wheel", "pkg_resources")
"""What an environment brings itself."""
OURS = ("ctk", "competition_toolkit", "__editable__", "__pycache__")
"""What a page is to install itself."""


def lent(folder: Path) -> Path:
    """A folder for PYTHONPATH with every library of this environment but ours: pip finds what is needed there already.

    It is outside of the environment that borrows it, so that pip takes nothing out of it.
    """
    folder.mkdir()
    for path in Path(sysconfig.get_paths()["purelib"]).iterdir():
        name = path.name.split(".")[0].split("-")[0]
        if not path.name.startswith(OURS) and name not in KEPT and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)
    return folder


def wheels(folder: Path) -> Path:
    """Wheels of the toolkit, without compiled parts, and of a competition; returns the folder that they are in.

    Built from copies: setuptools would take up what older builds left in this checkout.
    """
    ignored = shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info", "build", "tests")
    core, competition = folder / "core", folder / "competition"
    for name in ("toolkit", "csrc/setup"):
        shutil.copytree(ROOT / name, core / name, ignore=shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "MANIFEST.in"):
        shutil.copy(ROOT / name, core / name)
    shutil.copytree(ROOT / "competitions/aml_retrieval", competition, ignore=ignored)
    for source in (core, competition):
        done = subprocess.run(
            [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source],
            env={**os.environ, "CTK_BUILD": "none"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder
