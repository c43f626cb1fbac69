"""The native engine where it was built, else the reference in numpy: the same functions with the same results."""

from __future__ import annotations

from typing import Any

from ctk.blend import reference
from ctk.compiled import module

native, problem = module("ctk.blend._engine")
engine: Any = native or reference
