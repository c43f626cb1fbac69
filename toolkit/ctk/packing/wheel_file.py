"""A wheel as a file: what its name and its metadata say."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from ctk.errors import DamagedError
from ctk.files import reading


@dataclass(frozen=True)
class WheelFile:
    """A wheel: its distribution's canonical name and version, which Pythons it runs in, what it requires."""

    path: Path
    name: str
    version: Version
    tags: frozenset[Tag]
    requires: tuple[Requirement, ...]
    requires_python: str | None

    @classmethod
    def read(cls, path: Path) -> WheelFile:
        """Read a wheel's name and metadata. Raises DamagedError for what is none."""
        with reading(path, "Was it cut short? Take the file away, or download it anew.") as file:
            try:
                name, version, _, tags = parse_wheel_filename(path.name)
                with zipfile.ZipFile(file) as archive:
                    (inside,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
                    facts = HeaderParser().parsestr(archive.read(inside).decode())
                requires = tuple(map(Requirement, facts.get_all("Requires-Dist") or ()))
            except (InvalidWheelFilename, InvalidVersion, InvalidRequirement, ValueError, zipfile.BadZipFile) as error:
                raise DamagedError(f"{path}: is no wheel ({error}).") from error
        return cls(path, canonicalize_name(name), version, tags, requires, facts["Requires-Python"])
