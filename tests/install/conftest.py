"""Throwaway virtual environments for tests, in which this checkout's toolkit is installed, and tiny wheels for them."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Environment:
    """A virtual environment with ctk in it: ``environment.ctk("install", wheel)`` is the finished process."""

    def __init__(self, folder: Path, light: Path, pip: bool = True) -> None:
        self.folder = folder
        self.more = {"CTK_CACHE": str(folder / "cache"), "UV_CACHE_DIR": str(folder / "uv"), "COLUMNS": "200"}
        venv.create(folder, with_pip=pip, symlinks=True)
        self.python = folder / "bin" / "python"
        (self.site,) = folder.glob("lib/python*/site-packages")
        ours = next(file for file in distribution("competition-toolkit").files or () if ".dist-info" in file.parts[0])
        for path in (*light.iterdir(), Path(str(distribution("competition-toolkit").locate_file(ours.parts[0])))):
            (self.site / path.name).symlink_to(path)
        (self.site / "toolkit.pth").write_text(f"{ROOT / 'toolkit'}\n")

    def ctk(
        self, *arguments: object, cwd: Path | None = None, answer: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Call the command line, with ``answer`` to what it asks."""
        return subprocess.run(
            [str(self.python), "-m", "ctk", *map(str, arguments)],
            cwd=cwd or self.folder,
            env={**os.environ, "PIP_NO_INDEX": "1", "UV_OFFLINE": "1", **self.more, **more},
            input=answer,
            capture_output=True,
            text=True,
            timeout=600,
        )


def _wheel(
    folder: Path, name: str, version: str = "1.0", files: Mapping[str, str] | None = None, entry_points: str = ""
) -> Path:
    """Write a wheel (packaging.python.org, "Binary distribution format") of these modules into a folder."""
    stem = f"{name.replace('-', '_')}-{version}"
    inside = {
        **(files or {}),
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if entry_points:
        inside[f"{stem}.dist-info/entry_points.txt"] = entry_points
    record = "".join(f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in inside.items())
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in inside.items():
            archive.writestr(each, text)
        archive.writestr(f"{stem}.dist-info/RECORD", f"{record}{stem}.dist-info/RECORD,,\n")
    return path


def _offers(kinds: Mapping[str, str]) -> str:
    """Source of a plugin module that offers one thing of each kind."""
    hooks = [
        f"@hookimpl\ndef ctk_register_{kind}(register):\n    register('{name}', 'json:dumps', 'for a test')\n"
        for kind, name in kinds.items()
    ]
    return "\n".join(["from ctk import hookimpl", *hooks]) if hooks else ""


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def new_environment(lent: Path) -> Callable[..., Environment]:
    """``new_environment(folder, pip=True)`` makes one."""
    return functools.partial(Environment, light=lent / "light")


@pytest.fixture(scope="session")
def with_pip(tmp_path_factory: pytest.TempPathFactory, new_environment: Callable[..., Environment]) -> Environment:
    return new_environment(tmp_path_factory.mktemp("pip"))


@pytest.fixture(scope="session")
def with_uv(tmp_path_factory: pytest.TempPathFactory, new_environment: Callable[..., Environment]) -> Environment:
    """An environment without pip; uv is on the PATH."""
    pytest.importorskip("uv")
    environment = new_environment(tmp_path_factory.mktemp("uv"), pip=False)
    environment.more["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return environment


@pytest.fixture(params=["with_pip", "with_uv"])
def environment(request: pytest.FixtureRequest) -> Environment:
    return request.getfixturevalue(request.param)


@pytest.fixture
def wheel(tmp_path: Path) -> Callable[..., Path]:
    """``wheel(name, version="1.0", files={}, entry_points="")`` writes a wheel and returns its path."""
    return functools.partial(_wheel, tmp_path)


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., Path]:
    """``plugin(name, source="", version="1.0", losses="bar")``: the wheel of one module, by source or offers."""

    def make(name: str, source: str = "", version: str = "1.0", **kinds: str) -> Path:
        module = name.replace("-", "_")
        point = f"[ctk]\n{name.removeprefix('ctk-')} = {module}\n"
        return _wheel(tmp_path, name, version, {f"{module}.py": source + _offers(kinds)}, point)

    return make
