"""Writing a bundle of fitted members: adapters, the base where the hub has none, and the code that loads them."""

from __future__ import annotations

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
from ctk.files import atomic, read_json, write_json
from ctk.runs import Run
from ctk_supertux.bundle.layout import ADAPTER_CONFIG, BASE, PARTS, SETTINGS, TOP

STAMP = (1980, 1, 1, 0, 0, 0)
"""The time of every entry, so that equal models make equal bundles; a zip knows none that is earlier."""
ASKED = {"prompt": "", "size": None, "max_new_tokens": 32}
"""Options of a vision-language model that answers depend on, and what they are where the bundle has none."""
WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.onnx", "checkpoint-*", ".*", "__pycache__", "*.py")
"""What of a base's folder is not taken along: pickles, other formats' weights, and code."""


def write(path: Path, part: str, members: Sequence[FittedMember], options: Mapping[str, Any]) -> list[str]:
    """Write a bundle of the heaviest member, and of the other part's run, where ``options`` name one.

    part     "vlm" or "clip": whose members these are
    returns  sentences of what was left out
    Raises UsageError for a member that is no adapter of a base, and for parts of different bases.
    """
    other = next(each for each in PARTS if each != part)
    chosen = {part: members}
    if options.get(part):
        raise UsageError(
            f"Config key 'submission.{part}': this run's own models are the {part} part.",
            f"Name the run of the other part: submission.{other}.",
        )
    if run := options.get(other):
        chosen[other] = _members_of(Path(run), other)
    said = []
    bases, settings = {}, dict(ASKED)
    with TemporaryDirectory() as made:
        folder = Path(made) / TOP
        with as_file(files("ctk_supertux") / "bundle" / "templates" / TOP) as code:
            shutil.copytree(code, folder, ignore=shutil.ignore_patterns("__pycache__"))
        with as_file(files("ctk_supertux") / "networks" / "towers.py") as towers:
            shutil.copyfile(towers, folder / "towers.py")
        for name, inside in PARTS.items():
            if name not in chosen:
                said.append(f"{inside}: no run was named by -o submission.{name}=RUN; its case has no points")
                continue
            first, *rest = chosen[name]
            if rest:
                said.append(f"{inside}: {_place(first)}, one of {len(rest) + 1} that were blended: a bundle holds one")
            bases[name] = _save(first, folder / inside)
            if name == "vlm":
                told = first.config.model.options
                settings.update({key: told[key] for key in ASKED if key in told})
            elif first.config.model.options.get("look") == "whole":
                said.append(f"{inside}: was trained on whole pictures, and the grader shows their middle squares alone")
        settings["base"] = _add_base(bases, folder)
        write_json(folder / SETTINGS, settings)
        with atomic(path) as temporary:
            _zip(folder, temporary)
    return said


def _members_of(run: Path, part: str) -> list[FittedMember]:
    """The members of another run, which must be of the other competition."""
    found = Run(run).competition.rpartition(":")[2]
    if found != f"tux-{part}":
        raise UsageError(f"Config key 'submission.{part}': {run} is a run of {found}.", f"Name a run of tux-{part}.")
    return fitted_members(run)


def _place(member: FittedMember) -> str:
    return f"{member.key} of fold {member.fold}"


def _save(member: FittedMember, folder: Path) -> str:
    """Have a member's network write its adapter into a folder; returns the base that it is of."""
    network = getattr(member.load(), "network", None)
    if not hasattr(network, "save_adapter"):
        raise UsageError(
            f"Member '{member.key}' is no adapter of a vision-language model, and a bundle holds such alone.",
            "Blend others: -o blend.members=[NAME].",
        )
    folder.mkdir()
    network.save_adapter(folder)
    return str(network.base)


def _add_base(bases: Mapping[str, str], folder: Path) -> str:
    """Copy the base's files, unless it is one of the hub; name it in the adapters as the bundle has it."""
    if len(set(bases.values())) > 1:
        told = " and ".join(f"{PARTS[part]} of {base}" for part, base in bases.items())
        raise UsageError(f"A bundle holds one base, and these are {told}.", "Train both parts on the same model.")
    base = next(iter(bases.values()))
    if not Path(base).is_dir():
        return base
    shutil.copytree(base, folder / BASE, ignore=shutil.ignore_patterns(*WEIGHTS))
    for part in bases:
        path = folder / PARTS[part] / ADAPTER_CONFIG
        write_json(path, {**read_json(path, dict[str, Any]), "base_model_name_or_path": BASE})
    return BASE


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(each for each in folder.rglob("*") if each.is_file()):
            entry = zipfile.ZipInfo(each.relative_to(folder.parent).as_posix(), STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, each.read_bytes())
