"""What tests of the built and the installed share: one build of the wheels, this environment's libraries to borrow."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("ctk", "competition_toolkit", "__editable__", "__pycache__")
"""What is not lent: everything of this checkout."""
TOOLS = ("pip", "setuptools", "_distutils_hack", "distutils-precedence", "wheel", "pkg_resources")
"""What an environment usually brings itself; lent apart from the others."""
LIGHT = (
    "annotated-types", "click", "markdown-it-py", "mdurl", "numpy", "packaging", "pluggy", "pydantic", "pydantic-core",
    "Pygments", "PyYAML", "rich", "typing-extensions", "typing-inspection",
)  # fmt: skip
"""What the command line needs where nothing is trained."""
CORE = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "MANIFEST.in", "toolkit", "csrc/setup")
BESIDE = ("competitions/aml_retrieval", "plugins/open_clip")


@pytest.fixture(scope="session")
def copy_project():
    """``copy_project(folder)``: the sources of the core, without what was compiled, to build from."""

    def copy(folder):
        ignored = shutil.ignore_patterns("*.so", "_build.json", "__pycache__", "*.egg-info")
        for name in CORE:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=ignored)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder)
        return folder

    return copy


@pytest.fixture(scope="session")
def build_wheels():
    """``build_wheels(out, project, ...)``: their wheels without compiled parts, which nothing is fetched for."""

    def build(out, *projects):
        before = set(out.glob("*.whl"))
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
        done = subprocess.run(
            [*pip, "-w", out, *projects], env={**os.environ, "CTK_BUILD": "none"}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return sorted(set(out.glob("*.whl")) - before)

    return build


@pytest.fixture(scope="session")
def wheels(once, copy_project, build_wheels):
    """A folder with the wheels of the core, of a competition and of a plugin.

    Built from copies: setuptools would take up what older builds left in this checkout.
    """

    def make(folder):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "tests")
        beside = [shutil.copytree(ROOT / name, folder / "sources" / name, ignore=ignored) for name in BESIDE]
        build_wheels(folder, copy_project(folder / "sources" / "core"), *beside)

    return once("wheels", make)


@pytest.fixture(scope="session")
def lent(once):
    """Folders with links to this environment's libraries but ours: ``libraries``; ``tools`` such as pip; ``light``.

    They are outside of the environment that borrows them, so that pip takes nothing out of them.
    """

    def make(folder):
        for name in ("libraries", "tools", "light"):
            (folder / name).mkdir()
        for path in Path(sysconfig.get_paths()["purelib"]).iterdir():
            name = path.name.split(".")[0].split("-")[0]
            if not path.name.startswith(OURS) and path.suffix != ".pth":
                (folder / ("tools" if name in TOOLS else "libraries") / path.name).symlink_to(path)
        for name in LIGHT:
            tops = {file.parts[0] for file in distribution(name).files or () if ".." not in file.parts}
            for top in tops - {"__pycache__"}:
                (folder / "light" / top).symlink_to(str(distribution(name).locate_file(top)))

    return once("lent", make)


@pytest.fixture(scope="session")
def make_environment():
    """``make_environment(folder, wheel, ...)``: a virtual environment with these alone; returns its ``bin``."""

    def make(folder, *wheels):
        venv.create(folder, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "-q"]
        subprocess.run([*pip, "--no-deps", "--no-index", *wheels], check=True)
        return folder / "bin"

    return make


@pytest.fixture(scope="session")
def clean(once, wheels, make_environment):
    """The ``bin`` of a virtual environment with all of ``wheels`` and nothing else, which nobody changes."""
    return once("clean", lambda folder: make_environment(folder, *wheels.glob("*.whl"))) / "bin"
