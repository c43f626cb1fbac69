"""The image that will predict: its Python, its platform, and what is installed there already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ctk.errors import UsageError
from ctk.files import read_text

PYTHON, PLATFORM = "3.12", "manylinux_2_35_x86_64"
"""Kaggle's, as of September 2026: the image's public Dockerfile, whose base is an Ubuntu with glibc 2.35."""
OLDER = {(2, 5): "manylinux1", (2, 12): "manylinux2010", (2, 17): "manylinux2014"}
"""What wheels for a glibc were called before PEP 600."""


@dataclass(frozen=True)
class TargetImage:
    """An image of Linux with CPython, and the versions that it has by distribution.

    python    "3.12"
    platform  the newest wheels that it takes, as PEP 600 calls them: "manylinux_2_35_x86_64"
    has       versions by canonical name
    """

    python: str
    platform: str
    has: Mapping[str, Version]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"3\.\d{1,2}", self.python, re.ASCII):
            raise UsageError(f"--python {self.python}: is no version of Python 3.", f"For example --python {PYTHON}.")
        if not re.fullmatch(r"manylinux_2_\d{1,2}_\w+", self.platform, re.ASCII):
            raise UsageError(
                f"--platform {self.platform}: is no platform of Linux wheels.",
                f"manylinux_2_GLIBC_MACHINE, for example {PLATFORM}.",
            )

    @classmethod
    def described(cls, python: str, platform: str, constraints: Path) -> TargetImage:
        """Read what the image has from a file of name==version lines, as pip lists and freezes them.

        Raises UsageError naming the row of any other line, DamagedError where there is no such file.
        """
        has: dict[str, Version] = {}
        for row, line in enumerate(read_text(constraints).splitlines(), start=1):
            text = line.partition("#")[0].partition(";")[0].strip()
            if not text or text.startswith("-"):
                continue
            name, equals, version = (part.strip() for part in text.partition("=="))
            try:
                if not equals:
                    raise InvalidVersion(text)
                has[canonicalize_name(name, validate=True)] = Version(version)
            except ValueError:  # of a name or a version
                raise UsageError(
                    f"{constraints}, row {row}: '{text}' is no name==version.",
                    "In the image: pip list --format=freeze > FILE.",
                ) from None
        return cls(python, platform, has)

    @property
    def machine(self) -> str:
        """The processor's kind, "x86_64"."""
        return self.platform.split("_", 3)[3]

    @cached_property
    def platforms(self) -> list[str]:
        """Every name of a platform whose wheels run there, the best first."""
        names = []
        for minor in range(int(self.platform.split("_")[2]), 4, -1):
            names.append(f"manylinux_2_{minor}_{self.machine}")
            if older := OLDER.get((2, minor)):
                names.append(f"{older}_{self.machine}")
        return names

    @cached_property
    def tags(self) -> dict[Tag, int]:
        """Every tag of a wheel that runs there; the smaller the number, the better it fits."""
        version = tuple(map(int, self.python.split(".")))
        interpreter = f"cp{version[0]}{version[1]}"
        found = [
            *cpython_tags(version, platforms=self.platforms),
            *compatible_tags(version, interpreter, self.platforms),
        ]
        return {tag: number for number, tag in reversed(list(enumerate(found)))}

    def takes(self, requires_python: str | None) -> bool:
        """Whether its Python is among those that a wheel asks for; of its patch releases, a late one."""
        return SpecifierSet(requires_python or "").contains(f"{self.python}.99", prereleases=True)

    def needs(self, requirement: Requirement, extras: frozenset[str]) -> bool:
        """Whether a requirement holds there, of a distribution that was asked for with these extras."""
        if requirement.marker is None:
            return True
        environment = {
            **{name: str(value) for name, value in default_environment().items()},
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }
        return any(requirement.marker.evaluate({**environment, "extra": extra}) for extra in (extras or {""}))

    def satisfies(self, name: str, wanted: SpecifierSet) -> bool:
        """Whether it has a distribution, by its canonical name, in a version that is wanted."""
        return name in self.has and wanted.contains(self.has[name], prereleases=True)
