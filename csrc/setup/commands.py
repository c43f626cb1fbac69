"""The build command: torch's BuildExtension with ninja, one part at a time, and a record of what came of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from plan import PARTS, ROOT, Plan
from record import write_record
from setuptools import Command
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext

OBJECTS = ROOT / "build" / "objects"
"""Kept between builds, also between editable ones, so that ninja compiles only what changed."""


def commands(plan: Plan) -> dict[str, type[Command]]:
    """The commands for setup(cmdclass=...)."""
    # With nothing to compile nothing needs torch; setuptools' own command does, and still writes the record.
    base: Any = _ninja_build_ext() if plan.extensions else build_ext

    class BuildExt(base):  # type: ignore[misc]
        def finalize_options(self) -> None:
            if self.build_temp is None:
                self.build_temp = str(OBJECTS)
            super().finalize_options()

        def run(self) -> None:
            for part in plan.skipped:
                plan.announce(part)
            folder = ROOT / "toolkit" if self.inplace else Path(self.build_lib)
            _remove_old(folder)
            super().run()
            write_record(folder, plan)

        def build_extensions(self) -> None:
            """One at a time: what torch refuses for one (a host compiler too new for nvcc) must not stop the others."""
            wanted = self.extensions
            for part, name in PARTS.items():
                self.extensions = [each for each in wanted if each.name == name]
                if not self.extensions:
                    continue
                try:
                    super().build_extensions()
                except Exception as error:
                    self.extensions[0].optional = True  # or setuptools looks for its file
                    plan.give_up(
                        part, f"its compilation failed ({error}). `pip install -v` shows the compiler's words."
                    )
                    plan.announce(part)
            self.extensions = wanted

        def get_ext_filename(self, name: str) -> str:
            """The torch libraries are no Python modules: one file serves every Python."""
            if name.rpartition(".")[2] in ("_cpu", "_cuda"):
                return name.replace(".", "/") + ".so"
            return str(super().get_ext_filename(name))

    return {"build": Build, "build_ext": BuildExt}


class Build(build):
    """setuptools' build, which leaves build_ext out where nothing is to be compiled; the record is written there."""

    sub_commands = [(name, None) for name, _ in build.sub_commands if name in ("build_py", "build_ext")]  # noqa: RUF012

    def run(self) -> None:
        shutil.rmtree(self.build_lib, ignore_errors=True)  # a module since removed must not go into a wheel
        super().run()


def _ninja_build_ext() -> Any:
    from torch.utils.cpp_extension import BuildExtension

    return BuildExtension


def _remove_old(folder: Path) -> None:
    """A library of an earlier build must not be taken for one of this build."""
    for name in PARTS.values():
        for path in folder.glob(name.replace(".", "/") + "*.so"):
            path.unlink()
