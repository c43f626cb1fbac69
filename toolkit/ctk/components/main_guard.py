"""Whether worker processes can be started: each imports the script that runs, and must not run it again."""

from __future__ import annotations

import ast
import inspect
import multiprocessing
import sys
from pathlib import Path
from types import FrameType

from ctk.errors import UsageError


def check_main_guard(**options: object) -> None:
    """Raise UsageError where the script that is running would start over in each worker process."""
    line = _line_of_script()
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise _unguarded("A script")  # the one that a worker process is importing at this moment
    if line is None or path is None or not Path(path).is_file():
        return
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (SyntaxError, ValueError, OSError):  # not Python's own: a notebook, a zip of an application
        return
    for statement in tree.body:
        if statement.lineno <= line <= (statement.end_lineno or line) and not _is_guard(statement):
            raise _unguarded(f"{path}, line {line:,}")


def _line_of_script() -> int | None:
    """Where the script that is running is in its outermost code; None if this was not called from there."""
    main = getattr(sys.modules.get("__main__"), "__dict__", None)
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        if frame.f_globals is main and frame.f_code.co_name == "<module>":
            return frame.f_lineno
        frame = frame.f_back
    return None


def _is_guard(statement: ast.stmt) -> bool:
    """Whether it is an ``if`` that asks for ``__name__``."""
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test)
    )


def _unguarded(where: str) -> UsageError:
    return UsageError(
        f'{where}: calls ctk outside of `if __name__ == "__main__":`, and every worker process would do so again.',
        "Put the call under that line, or take one process: overrides=['executor.name=serial'].",
    )
