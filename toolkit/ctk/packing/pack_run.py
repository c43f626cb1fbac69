"""Packing a run, in order: its members, its wheels, its plugins of one file, the notebook, the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from ctk.errors import UsageError
from ctk.files import fingerprint, workshop, write_json
from ctk.packing.fetched_weights import fetch_weights
from ctk.packing.needed_plugins import needed_distributions
from ctk.packing.packed_blend import PackedBlend
from ctk.packing.packed_members import PackedMembers
from ctk.packing.predict_notebook import write_notebook
from ctk.packing.requirement_walk import lacking_wheels
from ctk.packing.size_limit import check_size
from ctk.packing.target_image import TargetImage
from ctk.packing.wheel_sources import WheelSources
from ctk.plugins import Plugins
from ctk.plugins.discovery import core_version
from ctk.plugins.guard import competition_of
from ctk.plugins.plugin import BUILT_IN, is_file
from ctk.plugins.workers import copy_plugins
from ctk.runs import Run


@dataclass(frozen=True)
class PackedRun:
    """A folder that predicts: where it is, how large, its wheels, and which versions these replace in the image.

    wheels    file names
    replaced  "name VERSION" of the image, by the wheel that is installed instead
    """

    folder: Path
    size: int
    wheels: list[str]
    replaced: dict[str, str]


def pack_run(
    run: Run,
    out: Path,
    image: TargetImage,
    known: Plugins,
    wheels: Path | None,
    limit: int,
    say: Callable[[str], None] = lambda line: None,
) -> PackedRun:
    """Make a folder that predicts with a run's members where there is no network; nothing is left of one that fails.

    out     the folder, which must not be there yet
    image   where it will predict
    wheels  folder of wheels that are taken before others
    limit   bytes that the folder may have

    Raises UsageError, CtkError where it grows too large, where a wheel is missing or does not run in the image.
    """
    if out.exists():
        raise UsageError(f"--out {out}: is there already.", "Give a new folder.")
    if competition_of(run.competition).bundled:
        problem = f"{run.folder}: its submission is a bundle of its models already, which needs no packing."
        raise UsageError(problem, f"Hand in {next(run.folder.glob('submission.*'), run.folder)}.")
    members = PackedMembers(run, known) if "members" in run.config() else PackedBlend(run, known)
    check_size(members.files(), limit)  # before wheels are looked for, which may take a minute
    competition = members.competition
    with workshop(out.absolute().parent) as place:
        folder = place / "packed"
        sources = WheelSources(image, wheels, _made(folder / "wheels"), say)
        roots = [Requirement(f"{BUILT_IN}=={core_version()}"), *needed_distributions(members.plugins)]
        found = lacking_wheels(roots, image, sources.find)
        if any(is_file(plugin.distribution) for plugin in members.plugins):
            copy_plugins(folder, installed=False)
        for each in members.runs.values():
            fetch_weights(each, folder)
        inside = [(path, path.relative_to(folder).as_posix()) for path in _files(folder)]
        check_size([*((path, f"run/{name}") for path, name in members.files()), *inside], limit)
        members.write(folder / "run")
        manifest: dict[str, Any] = {
            "competition": competition.named,
            "submission": members.submission,
            "python": image.python,
            "platform": image.platform,
            "paths": {key: f"run/paths/{key}/{path.name}" for key, path in members.paths.items()},
            "wheels": [
                {
                    "file": f"wheels/{each.path.name}",
                    "name": name,
                    "version": str(each.version),
                    "pure": any(tag.abi == "none" and tag.platform == "any" for tag in each.tags),
                }
                for name, each in sorted(found.items())
            ],
            "files": _describe(folder),
        }
        manifest = {"packed_as": fingerprint(manifest), **manifest}
        write_json(folder / "manifest.json", manifest)
        write_notebook(
            folder / "predict.ipynb", competition.title, competition.slug or competition.id, manifest["packed_as"]
        )
        size = sum(path.stat().st_size for path in _files(folder))
        folder.rename(out)
    replaced = {each.path.name: f"{name} {image.has[name]}" for name, each in found.items() if name in image.has}
    return PackedRun(out, size, sorted(each.path.name for each in found.values()), replaced)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _describe(folder: Path) -> dict[str, dict[str, Any]]:
    """Tell the size and the digest of every file below a folder."""
    described = {}
    for path in _files(folder):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        described[path.relative_to(folder).as_posix()] = {"bytes": path.stat().st_size, "sha256": digest}
    return described
