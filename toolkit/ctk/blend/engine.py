"""The native engine where it was built, else the reference in numpy: the same functions with the same results."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from ctk.blend import reference


def _load() -> tuple[Any, str | None]:
    """The compiled module, or None and why; CTK_NATIVE=0 in the environment leaves it alone."""
    if os.environ.get("CTK_NATIVE") == "0":
        return None, "CTK_NATIVE=0 is set"
    try:
        return import_module("ctk.blend._engine"), None
    except ModuleNotFoundError:
        return None, "not built"
    except ImportError as error:
        return None, f"ctk.blend._engine does not load: {error}"


native, problem = _load()
engine: Any = native or reference
