"""A wheel made of what it was installed as: the very files, each with the digest that the installer wrote down."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath

from packaging.tags import Tag, parse_tag

OF_INSTALLER = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json"}
"""Files of a dist-info folder that were in no wheel."""


def installed_tags(installed: Distribution) -> set[Tag]:
    """Return the tags of the wheel that a distribution was installed from; none where it was no wheel."""
    lines = (installed.read_text("WHEEL") or "").splitlines()
    return {tag for line in lines if line.startswith("Tag:") for tag in parse_tag(line.partition(":")[2].strip())}


def repack_wheel(installed: Distribution, folder: Path) -> Path | None:
    """Write the wheel of an installed distribution (packaging.python.org, "Binary distribution format").

    None where files of it are gone, were changed since, or lie where a wheel has no name for it.
    """
    files: dict[str, tuple[Path, str]] = {}
    info = ""
    for file in installed.files or ():
        parts = PurePosixPath(file).parts
        if file.suffix == ".pyc" or (parts[0].endswith(".dist-info") and file.name in OF_INSTALLER):
            continue
        if ".." in parts:
            # What lies in bin/ is made of the entry points, unless the wheel brought it as a file of its own.
            if file.parent.name == "bin" and file.name in _scripts(installed):
                continue
            return None
        place = Path(str(file.locate()))
        if file.hash is None or not place.is_file() or _digest(place, file.hash.mode) != file.hash.value:
            return None
        digest = file.hash.value if file.hash.mode == "sha256" else _digest(place)
        files[file.as_posix()] = place, f"sha256={digest},{place.stat().st_size}"
        info = parts[0] if parts[0].endswith(".dist-info") else info
    tags = installed_tags(installed)
    if not info or not tags:
        return None
    path = folder / f"{info.removesuffix('.dist-info')}-{_joined(tags)}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for name, (place, _) in files.items():
            archive.write(place, name)
        record = "".join(f"{_quoted(name)},{facts}\n" for name, (_, facts) in files.items())
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


def _scripts(installed: Distribution) -> set[str]:
    return {entry.name for entry in installed.entry_points if entry.group in ("console_scripts", "gui_scripts")}


def _joined(tags: set[Tag]) -> str:
    """Compress tags to the three fields of a file's name, as PEP 425 does."""
    fields = ({tag.interpreter for tag in tags}, {tag.abi for tag in tags}, {tag.platform for tag in tags})
    return "-".join(".".join(sorted(field)) for field in fields)


def _digest(path: Path, algorithm: str = "sha256") -> str:
    with path.open("rb") as file:
        return base64.urlsafe_b64encode(hashlib.file_digest(file, algorithm).digest()).rstrip(b"=").decode()


def _quoted(name: str) -> str:
    return f'"{name}"' if "," in name else name
