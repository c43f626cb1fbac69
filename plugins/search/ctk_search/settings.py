"""What is searched for and how: everything that search.yaml keeps, so that a search can be gone on with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import ConfigDict, create_model

from ctk.files import check_values, dump_yaml, fingerprint, parse_yaml, reading, write_text
from ctk_search.pruning import Name

FILE = "search.yaml"


@dataclass(frozen=True)
class Settings:
    """A search.

    competition  by name
    study        what it is called in the storage
    space        as its file has it
    sampler      name and options
    pruner       name
    seed         of the sampler
    trials       in all
    base         what trials' configs grow from: data, preset, config, overrides, seeds; as for ``ctk.api.configured``
    storage      URL of the database; None is study.db in the search's folder. Its secrets are not kept
    execution    the executor with its keys; with how many workers results reach the sampler when
    """

    competition: str
    study: str
    space: Mapping[str, Any]
    sampler: Mapping[str, Any]
    pruner: Name
    seed: int
    trials: int
    base: Mapping[str, Any] = field(default_factory=dict)
    storage: str | None = None
    execution: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Of all that decides which trials are made, but for their number."""
        decides = ("competition", "space", "sampler", "pruner", "seed", "base")
        workers = [self.execution.get(key) for key in ("workers", "threads")]
        return fingerprint(*(getattr(self, name) for name in decides), workers)

    def save(self, folder: Path) -> None:
        """Write ``search.yaml``."""
        write_text(folder / FILE, dump_yaml(asdict(self)))

    @classmethod
    def load(cls, folder: Path) -> Settings:
        """Read ``search.yaml``. Raises DamagedError."""
        path = folder / FILE
        help = "Was it edited? The search cannot be gone on with."
        with reading(path, help) as file:
            raw = parse_yaml(file.read().decode())
            return cls(**check_values(raw, SettingsFile, path, help))


_KEYS: Any = {name: (kind, ...) for name, kind in get_type_hints(Settings).items()}
SettingsFile = create_model("SettingsFile", __config__=ConfigDict(extra="forbid"), **_KEYS)
"""What ``search.yaml`` holds."""
