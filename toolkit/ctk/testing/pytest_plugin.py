"""Fixtures for tests of plugins. pytest loads this in every session of an environment, so it imports nothing else.

ctk_home      a folder of runs, a cache and a current folder of its own
ctk           the command line in a process of its own
tmp_plugin    plugins made of source text, as if they were installed
toy_samples   tiny training and test samples of three kinds
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from ctk.samples import Samples
    from ctk.testing.home import Home


@pytest.fixture
def ctk_home(tmp_path: Path) -> Iterator[Home]:
    """Live in a folder of this test: ``.runs``, ``.cache`` and ``.work``, which is the current folder and empty."""
    from ctk.testing.home import home_in

    with home_in(tmp_path / "home") as home:
        yield home


@pytest.fixture
def ctk(ctk_home: Home) -> Callable[..., CompletedProcess[str]]:
    """``ctk("run", "my-competition", "--dry-run", timeout=300)``: the finished process, with ``returncode``, ``stdout``
    and ``stderr``. Further keyword arguments are environment variables; None takes one away."""
    import os
    import subprocess
    import sys

    def call(*arguments: Any, timeout: float = 300, **variables: str | None) -> CompletedProcess[str]:
        environment = {"COLUMNS": "200", **os.environ, **variables}
        return subprocess.run(
            [sys.executable, "-m", "ctk", *map(str, arguments)],
            cwd=ctk_home.work,
            env={name: value for name, value in environment.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return call


@pytest.fixture
def tmp_plugin(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """``tmp_plugin("focal", source)``: a plugin of that name, found by this process and those it starts.

    Its module is ``focal_module``, its distribution ``focal``, of version 1.0 unless ``version=`` says otherwise, and
    ``requires="competition-toolkit>=1"`` what it depends on. Returns the folder, where modules can be laid beside it.
    """
    import sys

    from ctk.testing.distributions import find_anew, lay, on_path

    folder = tmp_path / "installed"
    folder.mkdir()

    def make(name: str, source: str, **facts: str) -> Path:
        module = f"{name.replace('-', '_')}_module"
        (folder / f"{module}.py").write_text(source, encoding="utf-8")
        lay(folder, name, module, **facts)
        find_anew()
        return folder

    before = set(sys.modules)
    with on_path(folder):
        yield make
    for name in set(sys.modules) - before:  # another test's plugin may have the same name
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def toy_samples() -> Callable[..., tuple[Samples, Samples]]:
    """``train, test = toy_samples("toy-retrieval")``; "toy-regression" and "toy-classification" are the others."""
    from ctk.testing.toy.toy_samples import make_toy_samples

    return make_toy_samples
