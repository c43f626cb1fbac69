"""The blend of a run as ``blend.json`` keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ctk.contract import Blend
from ctk.errors import DamagedError, UsageError
from ctk.files import read_json, write_json
from ctk.plugins.guard.blend_checks import check_blend
from ctk.plugins.guard.failures import ContractViolation
from ctk.runs.records import BlendFile


@dataclass(frozen=True)
class BlendRecord:
    """The content of ``blend.json``: the blender's name, its blend, and what the postprocessing was fitted to."""

    blender: str
    blend: Blend
    postprocess: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write ``blend.json``."""
        write_json(
            folder / "blend.json",
            {"blender": self.blender, **asdict(self.blend), "postprocess": dict(self.postprocess)},
        )

    @classmethod
    def load(cls, folder: Path) -> BlendRecord:
        """Read ``blend.json``. Raises UsageError where there is none, DamagedError where it is no blend."""
        path = folder / "blend.json"
        if not path.exists():
            raise UsageError(f"{folder} has no blend.", "Finish that run first: ctk run ... --resume.")
        stored = read_json(path, BlendFile)
        blender, postprocess = stored.pop("blender"), stored.pop("postprocess", {})
        blend = Blend(**{**stored, "parts": [Blend(**part) for part in stored.get("parts", ())]})
        try:
            check_blend(blend, list(blend.weights))
        except ContractViolation as violation:
            raise DamagedError(f"{path}: it {violation.what}.", "Was it edited?") from None
        return cls(blender, blend, postprocess)
