"""The page on a run, file by file: written down while the toy competition runs, so that the order of calls is real."""

from __future__ import annotations

import ast
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import FrameType
from typing import Any

import ctk
from ctk.testing.distributions import lay, on_path
from ctk.testing.home import home_in

CORE = Path(ctk.__file__).parent
ROOMS = {"api.py", "config", "data", "plugins", "runs", "workflow", "training", "components", "report"}
HOW = ["executor=serial", "trackers=csv", "blend=hill-climb"]
INTRODUCTION = """# A run, file by file

What `ctk run` does, by the first call into each file of the core. The list is made by running a small competition of
two members, a ridge regression and a network, in one process (`executor: serial`); with worker processes the files of
`training/` are called in those. `contract/` is left out, for its classes are everywhere, and so is the ground that
everybody stands on (`files`, `samples.py`, `errors.py`, `machine.py`).

Where a file waits for others, it stands before them: `workflow/run.py` is called early and ends last. To find your way,
read down the list until the thing that you want to change is done, and open that file.
"""


def page() -> str:
    """The files in the order of their first call, each with what its docstring says it is."""
    steps = (f"1. `{path.as_posix()}`: {_first_sentence(CORE / path)}" for path in _called())
    return "\n".join([INTRODUCTION, *steps]) + "\n"


def _first_sentence(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _called() -> list[Path]:
    """Run the toy competition, and note each file of the core when a function of it is first called."""
    with tempfile.TemporaryDirectory() as folder, home_in(Path(folder) / "home"):
        lay(Path(folder) / "installed", "ctk-toy", "ctk.testing.toy")
        with on_path(Path(folder) / "installed"), _noting() as found:
            from ctk import api

            api.run("toy-regression", overrides=HOW)
    return found


@contextmanager
def _noting() -> Iterator[list[Path]]:
    found: dict[Path, None] = {}

    def note(frame: FrameType, event: str, value: Any) -> None:
        code = frame.f_code
        if event != "call" or not code.co_flags & CO_OPTIMIZED:  # the bodies of modules and classes are no calls
            return
        if code.co_filename.startswith(str(CORE)) and code.co_filename.endswith(".py"):
            path = Path(code.co_filename).relative_to(CORE)
            if path.parts[0] in ROOMS:
                found.setdefault(path)

    listed: list[Path] = []
    sys.setprofile(note)
    try:
        yield listed
    finally:
        sys.setprofile(None)
        listed += found
