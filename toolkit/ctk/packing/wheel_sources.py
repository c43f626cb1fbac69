"""Where the wheel of a distribution comes from: a folder, a build of its project, what is installed, or an index."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ctk.errors import CtkError, UsageError
from ctk.packing.repacked_wheels import installed_tags, repack_wheel
from ctk.packing.target_image import TargetImage
from ctk.packing.wheel_file import WheelFile

OF_BUILDS = ("build", "dist", "runs", "venv")
"""Folders at the top of a project that it is not built from; setuptools would take up what older builds left."""
HELP = "Put a wheel that runs there into a folder and give that: --wheels DIR; or pack for another Python: --python."


class WheelSources:
    """Finds wheels that run in an image, in this order; what is made is written to a folder.

    1. the folder of wheels that the user gave
    2. of what is installed from a project's folder, a build of it, without compiled parts
    3. of what is installed otherwise, the installed files packed again, where they run in the image's Python
    4. where pip finds them: an index, or the URL that it was installed from

    image   what they are for
    given   folder of wheels, if there is one
    folder  where wheels are written
    say     told of what takes long
    """

    def __init__(self, image: TargetImage, given: Path | None, folder: Path, say: Callable[[str], None]) -> None:
        self.image, self.folder, self.say = image, folder, say
        if given is not None and not given.is_dir():
            raise UsageError(f"--wheels {given}: there is no such folder.", "Give one with wheels in it.")
        self.given = [WheelFile.read(path) for path in sorted(given.glob("*.whl"))] if given is not None else []

    def find(self, wanted: Requirement) -> WheelFile:
        """Find a wheel for a requirement, of the version that is installed here where that will do.

        Raises CtkError where there is none that runs in the image.
        """
        try:
            here: Distribution | None = distribution(wanted.name)
        except PackageNotFoundError:
            here = None
        if here is not None and not wanted.specifier.contains(here.version, prereleases=True):
            here = None
        found = self._given(wanted, here)
        if found is None and here is not None:
            found = self._installed(wanted, here)
        return found or self._downloaded(wanted, here)

    def _given(self, wanted: Requirement, here: Distribution | None) -> WheelFile | None:
        name = canonicalize_name(wanted.name)
        fitting = [
            each
            for each in self.given
            if each.name == name and self._runs(each) and wanted.specifier.contains(each.version, prereleases=True)
        ]
        version = here and Version(here.version)
        best = max(fitting, default=None, key=lambda each: (each.version == version, each.version, -self._rank(each)))
        return best and WheelFile.read(Path(shutil.copy(best.path, self.folder)))

    def _installed(self, wanted: Requirement, here: Distribution) -> WheelFile | None:
        """Build or pack again what is installed; None where only an index can help."""
        origin: dict[str, Any] = json.loads(here.read_text("direct_url.json") or "{}")
        url = str(origin.get("url", ""))
        if "dir_info" in origin and (project := Path(unquote(urlsplit(url).path))).is_dir():
            with tempfile.TemporaryDirectory() as place:
                # Of links, so that nothing is written into the project.
                copy = shutil.copytree(
                    project,
                    Path(place, "project"),
                    ignore=lambda folder, names: [name for name in names if _is_left(name, Path(folder) == project)],
                    copy_function=os.symlink,
                    ignore_dangling_symlinks=True,
                )
                return self._built(here, str(copy), str(project), _can_build(project))
        if self.image.tags.keys() & installed_tags(here) and (path := repack_wheel(here, self.folder)) is not None:
            return self._checked(WheelFile.read(path))
        if vcs := origin.get("vcs_info"):
            url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
        return self._built(here, url, url) if url and "dir_info" not in origin else None

    def _built(self, here: Distribution, source: str, called: str, with_ours: bool = False) -> WheelFile:
        """Build a project, with the build's requirements that are installed here where these are all there are."""
        self.say(f"building the wheel of {here.name} from {called}")
        with tempfile.TemporaryDirectory() as place:
            command = ["wheel", "--no-deps", *(["--no-build-isolation"] if with_ours else []), "-w", place, source]
            said = self._pip(command, {"CTK_BUILD": "none", "SETUPTOOLS_SCM_PRETEND_VERSION": here.version})
            for path in Path(place).glob("*.whl"):
                return self._checked(WheelFile.read(Path(shutil.copy(path, self.folder))))
        raise CtkError(f"The wheel of {here.name} cannot be built from {called}: {said}.", HELP)

    def _downloaded(self, wanted: Requirement, here: Distribution | None) -> WheelFile:
        exact = f"{wanted.name}=={here.version}" if here is not None else f"{wanted.name}{wanted.specifier}"
        self.say(f"downloading the wheel of {exact}")
        with tempfile.TemporaryDirectory() as place:
            platforms = [f"--platform={each}" for each in self.image.platforms]
            command = ["download", "--no-deps", "--only-binary=:all:", f"--python-version={self.image.python}"]
            said = self._pip([*command, "--implementation=cp", *platforms, "-d", place, exact])
            for path in Path(place).glob("*.whl"):
                return self._checked(WheelFile.read(Path(shutil.copy(path, self.folder))))
        raise CtkError(
            f"There is no wheel of {exact} for Python {self.image.python} on {self.image.platform}: {said}.", HELP
        )

    def _checked(self, wheel: WheelFile) -> WheelFile:
        """Return a wheel that runs in the image. Raises CtkError where it does not."""
        if self._runs(wheel):
            return wheel
        wheel.path.unlink()
        raise CtkError(
            f"{wheel.path.name} does not run in Python {self.image.python} on {self.image.platform}"
            f"{f', it requires Python {wheel.requires_python}' if wheel.requires_python else ''}.",
            HELP,
        )

    def _runs(self, wheel: WheelFile) -> bool:
        return bool(self.image.tags.keys() & wheel.tags) and self.image.takes(wheel.requires_python)

    def _rank(self, wheel: WheelFile) -> int:
        return min(self.image.tags[tag] for tag in wheel.tags if tag in self.image.tags)

    def _pip(self, arguments: Sequence[str], more: dict[str, str] | None = None) -> str:
        """Run pip; returns what it says last where it fails, else nothing."""
        command = [sys.executable, "-P", "-m", "pip", *arguments, "--disable-pip-version-check", "--quiet"]
        environment = {**os.environ, "PIP_NO_INPUT": "1", **(more or {})}
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment)
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        told = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "")
        return told.removeprefix("ERROR: ").rstrip(".") if done.returncode else ""


def _is_left(name: str, at_top: bool) -> bool:
    return name.startswith(".") or name == "__pycache__" or name.endswith(".egg-info") or (at_top and name in OF_BUILDS)


def _can_build(project: Path) -> bool:
    """Whether all that a project's build requires is installed here, so that nothing need be fetched for it."""
    try:
        text = (project / "pyproject.toml").read_text(encoding="utf-8")
        needed = tomllib.loads(text).get("build-system", {}).get("requires", ["setuptools"])
        return all(
            Requirement(each).specifier.contains(distribution(Requirement(each).name).version) for each in needed
        )
    except (OSError, ValueError, TypeError, PackageNotFoundError):
        return False
