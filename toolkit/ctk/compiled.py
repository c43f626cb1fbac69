"""The compiled modules that need no torch: loaded in silence; why one is not there is kept for `ctk doctor`."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any


def module(name: str) -> tuple[Any, str | None]:
    """A compiled module, or None and why; CTK_NATIVE=0 in the environment leaves it alone."""
    if os.environ.get("CTK_NATIVE") == "0":
        return None, "CTK_NATIVE=0 is set"
    try:
        return import_module(name), None
    except ModuleNotFoundError:
        return None, "not built"
    except ImportError as error:
        return None, f"{name} does not load: {error}"
