"""Packages written from templates, each into a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from ctk import __version__
from ctk.errors import CtkError, UsageError
from ctk.files import explaining, workshop
from ctk.new.kinds import COMPETITION, PACKAGE, Kind
from ctk.new.names import Names

TARGET = {COMPETITION.name: "progression"}
"""The column that tables name the target by; "target" for others."""


def write_package(kind: Kind, names: Names, folder: Path, made: Mapping[str, str | bytes] | None = None) -> list[Path]:
    """Write the package into a folder that is not there yet, whole or not at all; returns its files, relative to it.

    ``made`` are files that a scaffold has drafted, in the place of the kind's own.

    Raises UsageError where there is something already, CtkError where nothing can be written.
    """
    check_place(folder)
    try:
        with explaining(folder), workshop(folder.parent) as temporary:
            written = temporary / "package"
            for path, content in render_files(kind, names, made).items():
                (written / path).parent.mkdir(parents=True, exist_ok=True)
                (written / path).write_bytes(content if isinstance(content, bytes) else content.encode())
            os.rename(written, folder)
    except FileNotFoundError as error:  # the current folder was removed, or one that takes no folders
        raise CtkError(f"{folder}: cannot be made ({error.strerror}).", "Choose a folder with --out.") from error
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def check_place(folder: Path) -> None:
    """Raise UsageError for a folder that is there already."""
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{folder} is there already, and nothing is written over.", "Name another folder with --out.")


def render_files(kind: Kind, names: Names, made: Mapping[str, str | bytes] | None = None) -> dict[str, str | bytes]:
    """The text of each file, or what a scaffold made of it, by its path in the package's folder."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ctk.new"),
        autoescape=False,  # it is code, not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    templates = {
        **PACKAGE,
        "README.md": "readme/drafted.md.j2" if made else f"readme/{kind.name}.md.j2",
        **({} if made else {f"tests/test_{names.package}.py": f"tests/{kind.name}.py.j2"}),
        f"{names.package}/__init__.py": "package/__init__.py.j2",
        f"{names.package}/py.typed": "package/py.typed.j2",
        f"{names.package}/plugin.py": "package/plugin.py.j2",
        **{f"{names.package}/{path}": template for path, template in kind.files.items()},
    }
    facts = {
        "kind": kind,
        "name": names.name,
        "distribution": names.distribution,
        "package": names.package,
        "target": TARGET.get(kind.name, "target"),
        "requires_ctk": requires_ctk(__version__),
        "year": date.today().year,
    }
    rendered = {path: environment.get_template(template).render(facts) for path, template in templates.items()}
    return {**rendered, **(made or {})}


def requires_ctk(version: str) -> str:
    """The range of versions that a plugin made with this one is made for: "0.1.3" gives ">=0.1,<0.2"."""
    major, minor = map(int, version.split(".")[:2])
    return f">={major}.{minor},<{major}.{minor + 1}"
