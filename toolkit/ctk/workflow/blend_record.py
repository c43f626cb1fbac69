"""The blend of a run as ``blend.json`` keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctk.contract import Blend
from ctk.errors import UsageError
from ctk.files import read_json, write_json


@dataclass(frozen=True)
class BlendRecord:
    """The content of ``blend.json``: the blender's name, its blend, and what the postprocessing was fitted to."""

    blender: str
    blend: Blend
    postprocess: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write ``blend.json``."""
        write_json(
            folder / "blend.json", {"blender": self.blender, **vars(self.blend), "postprocess": dict(self.postprocess)}
        )

    @classmethod
    def load(cls, folder: Path) -> BlendRecord:
        """Read ``blend.json``. Raises UsageError where there is none."""
        try:
            stored = read_json(folder / "blend.json")
        except (OSError, ValueError):
            raise UsageError(f"{folder} has no blend.", "Finish that run first: ctk run ... --resume.") from None
        blender, postprocess = stored.pop("blender"), stored.pop("postprocess", {})
        return cls(blender, Blend(**stored), postprocess)
