"""What a distribution declares is what its sources import, no less and no more."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECTS = {
    tomllib.loads(path.read_text(encoding="utf-8"))["project"]["name"]: path.parent
    for path in (ROOT / "pyproject.toml", *sorted(ROOT.glob("*/*/pyproject.toml")))
}
NAMES = {
    "PIL": "Pillow",
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
    "faiss": "faiss-cpu",
    "grpc": "grpcio",
    "mlflow": "mlflow-skinny",
    "open_clip": "open_clip_torch",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
"""Distributions that are not called after the module they are imported as; ctk's own are found in the tree."""
UNSEEN = {
    (
        "competition-toolkit",
        "tensorboard",
    ): "Lightning's TensorBoardLogger, which the tracker 'tensorboard' is, writes by it",
    ("ctk-aml-retrieval", "torchvision"): "timm's networks and preprocessing import it",
    ("ctk-atmacup-18", "ctk-xgboost"): "its preset of the published solution has members of it",
    ("ctk-csiro-biomass", "ctk-torchvision"): "its presets' networks have transforms of it",
    ("ctk-export", "onnx"): "torch.onnx.export writes by it",
    ("ctk-export", "onnxscript"): "torch.onnx.export translates by it",
    ("ctk-tables", "setuptools"): "builds the packages that it drafts, in the environment itself",
    ("ctk-mlflow", "SQLAlchemy"): "mlflow-skinny leaves to its users what its own database needs",
    ("ctk-mlflow", "alembic"): "mlflow-skinny leaves to its users what its own database needs",
}
"""Requirements that no source names, and what needs them."""
ABSENT = {
    (
        "competition-toolkit",
        "autogluon",
    ): "its pins contradict ours: a peer of ctk bench that is passed over where it is missing",
    **{
        (
            distribution,
            "supertuxkart",
        ): "the game that the embedded data was rendered with, which only making that anew "
        "needs: tools/supertuxkart/README.md"
        for distribution in ("ctk-atmacup-18", "ctk-supertux")
    },
}
"""Imports of what no requirement brings, and why that is right."""
TOOLS = ("test", "docs")
"""Extras for whoever works on the sources, which the packages themselves do not import."""
HOSTS = {"ctk.testing.pytest_plugin": "pytest"}
"""Modules that one program alone imports, which is there where it does."""
ALONE = ("competition-toolkit", "ctk-aml-retrieval")
"""Distributions that are installed into an environment of their own."""


def normal(name: str) -> str:
    """A distribution's name as registries compare them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def required(project: str) -> tuple[set[str], set[str]]:
    """What a project requires, and what its extras beyond that, without its own name."""
    facts = tomllib.loads((PROJECTS[project] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = facts.get("optional-dependencies", {})

    def names(requirements: list[str]) -> set[str]:
        return {normal(re.match(r"[\w.-]+", each)[0]) for each in requirements} - {normal(project)}  # type: ignore[index]

    optional = {name for extra, some in extras.items() if extra not in TOOLS for name in names(some)}
    return names(facts["dependencies"]), optional


@cache
def sources(project: str) -> dict[str, ast.Module]:
    """The modules of a project's package, by dotted name."""
    folder = ROOT / "toolkit" if PROJECTS[project] == ROOT else PROJECTS[project]
    (package,) = (path.parent for path in folder.glob("ct*/__init__.py"))
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
        for path in package.rglob("*.py")
    }


def distribution(module: str) -> str:
    """The distribution that a module is of; empty for Python's own, for one-file plugins, and for a project's own."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "ctk_plugins":
        return ""
    own = {next(iter(sources(project))).partition(".")[0]: project for project in PROJECTS}
    return normal(own.get(top) or NAMES.get(top, top))


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported below a node of a source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:  # what a package imports of itself is no requirement
            yield str(node.module)


def at_once(tree: ast.Module) -> Iterator[str]:
    """The modules that importing a source imports: not in functions, not for types, not where failing is foreseen."""
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from imports(node)


def named(tree: ast.AST) -> Iterator[str]:
    """Texts that may be modules imported by name, as ``import_module("timm")``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


def problems(project: str) -> Iterator[str]:
    """What a project's sources import and its requirements lack, and the other way round."""
    needed, optional = required(project)
    own = normal(project)
    seen, texts = set(), set()
    for module, tree in sources(project).items():
        found = {name for each in imports(tree) if (name := distribution(each)) not in ("", own)}
        first = {name for each in at_once(tree) if (name := distribution(each)) not in ("", own)}
        seen |= found
        texts |= set(named(tree))
        host = {HOSTS[module]} if module in HOSTS else set()
        for name in sorted(found - needed - optional - host):
            if (project, name) not in ABSENT:
                yield f"{module} imports {name}, which {project} does not require"
        for name in sorted((first - needed - host) & optional):
            yield f"{module} imports {name} at once, which only an extra of {project} requires"
    by_name = {distribution(each) for each in texts}
    reasons = {normal(name) for of, name in UNSEEN if of == project}
    for name in sorted(needed - seen - reasons):
        yield f"{project} requires {name}, which none of its sources imports"
    for name in sorted(optional - seen - by_name - reasons):
        yield f"an extra of {project} requires {name}, which none of its sources imports"
    for name in sorted(reasons & seen | reasons - needed - optional):
        yield f"{name} is not needed any more in the list of what no source of {project} names"


@pytest.mark.parametrize("project", PROJECTS)
def test_a_distribution_requires_what_it_imports_and_nothing_else(project: str) -> None:
    found = list(problems(project))
    assert not found, "\n".join(found)


@pytest.fixture(scope="module")
def alone(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of an environment with the wheels of ALONE and what pip finds that they require, and nothing else.

    What is installed here in that version is linked rather than unpacked again: torch and its libraries are gigabytes.
    """
    folder = tmp_path_factory.mktemp("alone")
    venv.create(folder / "environment", with_pip=True)
    bin = folder / "environment" / "bin"
    own = [next(wheels.glob(f"{project.replace('-', '_')}-*.whl")) for project in ALONE]
    install = [bin / "python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt"]
    report = folder / "report.json"
    _done(*install, "--dry-run", "--report", report, *own)
    resolved = {
        each["metadata"]["name"]: each["metadata"]["version"] for each in json.loads(report.read_text())["install"]
    }
    place = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "environment")}))
    absent = [
        f"{name}=={version}"
        for name, version in resolved.items()
        if name not in ALONE and not _link(name, version, place)
    ]
    _done(*install, "--no-deps", *absent, *own)
    return bin


def _link(name: str, version: str, place: Path) -> bool:
    """Link the files of a distribution of this environment; false where it has not this version of it."""
    try:
        own = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    if own.version != version or own.files is None:
        return False
    for file in own.files:
        if ".." not in file.parts and file.suffix != ".pyc":
            to = place / file
            to.parent.mkdir(parents=True, exist_ok=True)
            to.unlink(missing_ok=True)  # which another distribution brings too, or pip itself
            os.link(str(file.locate()), to)
    return True


def _done(*command: object, **more: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@pytest.mark.slow
def test_the_core_and_a_competition_run_where_nothing_else_is_installed(alone: Path, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CTK_", "PYTHON"))}
    env = {**kept, "HOME": str(tmp_path), "CTK_CACHE": str(tmp_path / "cache"), "CTK_RUNS": str(tmp_path / "runs")}
    _done(alone / "python", "-m", "pip", "check", env=env)
    _done(alone / "ctk", "run", "aml-retrieval", "--dry-run", cwd=tmp_path, env=env)
    (submission,) = tmp_path.glob("runs/aml-retrieval/*/submission.csv")
    assert submission.stat().st_size
    found = subprocess.run([alone / "python", "-c", "import pyarrow"], capture_output=True, text=True, env=env)
    assert "No module named 'pyarrow'" in found.stderr  # which this environment has, for other distributions
