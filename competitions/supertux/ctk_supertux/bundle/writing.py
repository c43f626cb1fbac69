"""Writing a bundle of fitted members: adapters, the base where the hub has none, and the code that loads them."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ctk.api import fitted_members
from ctk.contract import FittedMember
from ctk.errors import UsageError
from ctk.files import atomic, write_json
from ctk_supertux.bundle.layout import ADAPTER_CONFIG, BASE, HUB_BASE, PARTS, SETTINGS, TOP
from ctk_supertux.bundle.older_base import make_readable

STAMP = (1980, 1, 1, 0, 0, 0)
"""The time of every entry, so that equal models make equal bundles; a zip knows none that is earlier."""
NOTED: Mapping[str, Mapping[str, tuple[str, Any]]] = {
    "vlm": {"prompt": ("prompt", ""), "size": ("size", None), "max_new_tokens": ("max_new_tokens", 32)},
    "clip": {"clip_size": ("size", None)},
}
"""Settings by part: of which option of its network, and what they are where nothing is said."""
WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.onnx", "checkpoint-*", ".*", "__pycache__", "*.py")
"""What of a base's folder is not taken along: pickles, other formats' weights, and code."""


def write(path: Path, part: str, members: Sequence[FittedMember], options: Mapping[str, Any]) -> list[str]:
    """Write a bundle of the heaviest member, and of the other part's run, where ``options`` name one.

    part     "vlm" or "clip": whose members these are
    returns  sentences of what was left out, or will be graded otherwise than it was trained
    Raises UsageError for parts of different bases.
    """
    chosen = {part: members, **{name: fitted_members(run) for name, run in options.items() if run}}
    said: list[str] = []
    bases: dict[str, str] = {}
    settings = {name: usual for noted in NOTED.values() for name, (_, usual) in noted.items()}
    with TemporaryDirectory() as made:
        folder = Path(made) / TOP
        _copy_code(folder)
        for name, inside in PARTS.items():
            if name not in chosen:
                said.append(f"{inside}: no run was named by -o submission.{name}=RUN; its case has no points")
                continue
            first, *rest = chosen[name]
            place = f"{inside}: {first.key} of fold {first.fold}"
            if rest:
                said.append(f"{place} alone, of {len(rest) + 1} that were blended: a bundle holds one")
            try:
                bases[name] = _save(first, folder / inside)
            except UsageError as error:  # the run's scores and report are none the worse
                said.append(f"{place} was left out, and its case has no points: {error.problem}")
                continue
            told = first.config.model.options
            settings |= {key: told[option] for key, (option, _) in NOTED[name].items() if option in told}
            if told.get("look") == "whole":
                said.append(f"{place} was trained on whole pictures, and a grader shows their middle squares alone")
        settings["base"] = _add_base(bases, folder)
        write_json(folder / SETTINGS, settings)
        with atomic(path) as temporary:
            _zip(folder, temporary)
    return said


def _copy_code(folder: Path) -> None:
    package = files("ctk_supertux")
    with as_file(package / "bundle" / "templates" / TOP) as code:
        shutil.copytree(code, folder, ignore=shutil.ignore_patterns("__pycache__"))
    with as_file(package / "networks" / "towers.py") as towers:
        shutil.copyfile(towers, folder / towers.name)


def _save(member: FittedMember, folder: Path) -> str:
    """Have a member's network write its adapter into a new folder; returns the base that it is of.

    Raises UsageError, and leaves no folder, where it is no adapter of a base.
    """
    network: Any = getattr(member.load(), "network", None)
    if not hasattr(network, "save_adapter"):
        raise UsageError("It is no adapter of a vision-language model.")
    folder.mkdir()
    try:
        network.save_adapter(folder)
    except UsageError:
        shutil.rmtree(folder)
        raise
    return str(network.base)


def _add_base(bases: Mapping[str, str], folder: Path) -> str:
    """Copy the base's files, unless it is one of the hub; name it in the adapters as the bundle has it."""
    if len(set(bases.values())) > 1:
        told = " and ".join(f"{PARTS[part]} of {base}" for part, base in bases.items())
        raise UsageError(f"A bundle holds one base, and these are {told}.", "Train both parts on the same model.")
    base = next(iter(bases.values()), HUB_BASE)
    if not Path(base).is_dir():
        return base
    shutil.copytree(base, folder / BASE, ignore=shutil.ignore_patterns(*WEIGHTS))
    make_readable(folder / BASE)
    for part in bases:
        path = folder / PARTS[part] / ADAPTER_CONFIG
        config = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, {**config, "base_model_name_or_path": BASE})
    return BASE


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(each for each in folder.rglob("*") if each.is_file()):
            entry = zipfile.ZipInfo(each.relative_to(folder.parent).as_posix(), STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, each.read_bytes())
