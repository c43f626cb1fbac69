"""The native engine where it was built, else the reference in numpy: the same functions with the same results."""

from __future__ import annotations

from typing import Any

from ctk.blend import reference

try:
    from ctk.blend import _engine as built  # type: ignore[attr-defined, unused-ignore]
except ImportError:
    built = None

native: Any = built
engine: Any = native or reference
