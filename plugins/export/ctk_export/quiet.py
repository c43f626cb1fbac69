"""Exporters talk to their own developers; users of this command hear of what went wrong in one sentence."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

LONGEST = 400
"""Characters of an error's text that are shown."""


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings, logs and prints of libraries inside. torch says with each call that TorchScript is deprecated."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            open(os.devnull, "w") as nowhere,
            redirect_stdout(nowhere),
            redirect_stderr(nowhere),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def one_line_error(error: Exception) -> str:
    """An error of such a library on one line: of a long one its beginning and its end, where the cause stands."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
