"""The submission of both competitions: a zip of a vision-language model and a CLIP, written and checked."""

from __future__ import annotations

from ctk_supertux.bundle.checking import check
from ctk_supertux.bundle.parts import OTHER_PART
from ctk_supertux.bundle.writing import write

__all__ = ["OTHER_PART", "check", "write"]
