"""What a grader would refuse of a bundle, told without running any of its code."""

from __future__ import annotations

import ast
import json
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from ctk.errors import SubmissionError
from ctk_supertux.bundle.layout import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    ADDITIONAL,
    BASE,
    DATA_NAMES,
    HUB_BASE,
    HUB_WIDTHS,
    LIMIT,
    LOADERS,
    MB,
    PARTS,
    TOP,
    WARNED,
)
from ctk_supertux.bundle.unpacking import unpack

TOWER_NAMES = {"vision": "vision_config", "text": "text_config"}
FIRST_LAYER = "q_proj.lora_A.weight"
"""End of the name of an adapter's weight (r, hidden) in either tower."""


def check(path: Path) -> list[str]:
    """Check a zip or folder, anyone's. Returns facts of it for people; raises SubmissionError naming the file."""
    with TemporaryDirectory() as place:
        folder = unpack(path, Path(place))
        problems, facts = inspect(folder)
        if problems:
            raise SubmissionError(f"{path}, {problems[0]}", " ".join(f"Also {each}" for each in problems[1:]))
    if path.is_file():
        size = path.stat().st_size
        warned = "; the course's script warns from 40 on" if size > WARNED else ""
        facts = [f"{size / MB:.1f} MB of {LIMIT / MB:.0f}{warned}", *facts]
    return facts


def inspect(folder: Path) -> tuple[list[str], list[str]]:
    """List what is wrong with an unpacked bundle, and facts of it, a sentence each that names the file."""
    problems, facts = list(_wrong_code(folder)), []
    for part, inside in PARTS.items():
        if not (folder / inside).is_dir():
            facts.append(f"{TOP}/{inside}: is not there; if {LOADERS[part]} reads it, its case has no points")
            continue
        wrong = list(_wrong_adapter(folder, part))
        problems += wrong
        if not wrong:
            facts.append(_describe(folder, inside))
    for left in [*folder.rglob("tensorboard"), *folder.rglob("checkpoint-*")][:1]:
        facts.append(f"{TOP}/{left.relative_to(folder)}: is a trainer's, and no grader needs it")
    return problems, facts


def _wrong_code(folder: Path) -> Iterator[str]:
    """Files of code that are missing, cannot be read as Python, or do not have what the grader calls."""
    for name, needed in (("__init__.py", tuple(LOADERS.values())), ("data.py", DATA_NAMES)):
        if not (folder / name).is_file():
            yield f"{TOP}/{name}: is missing."
            continue
        bound = _bound(folder / name)
        if bound is not None and (lacking := [each for each in needed if each not in bound]):
            yield f"{TOP}/{name}: has no {lacking[0]}, which the grader calls."
    for path in sorted(folder.rglob("*.py")):
        try:
            ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, RecursionError) as error:
            yield f"{TOP}/{path.relative_to(folder)}: is no Python ({error})."


def _bound(path: Path) -> set[str] | None:
    """Names that a module binds anywhere; None where it cannot be told."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return None
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {each.asname or each.name for each in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return None if "*" in names else names


def _wrong_adapter(folder: Path, part: str) -> Iterator[str]:
    """What is wrong with a part's files."""
    inside = PARTS[part]
    needed = (ADAPTER_CONFIG, ADAPTER_WEIGHTS, *([ADDITIONAL] if part == "clip" else []))
    missing = [name for name in needed if not (folder / inside / name).is_file()]
    for name in missing:
        yield f"{TOP}/{inside}/{name}: is missing{_worth(name)}."
    if ADAPTER_CONFIG not in missing:
        yield from _wrong_config(folder, inside)
    if ADAPTER_WEIGHTS not in missing:
        yield from _wrong_weights(folder, inside)
    if part == "clip" and ADDITIONAL not in missing:
        yield from _wrong_additional(folder / inside / ADDITIONAL, f"{TOP}/{inside}/{ADDITIONAL}")


def _worth(name: str) -> str:
    return "; without it the projections are random, and choices are guesses" if name == ADDITIONAL else ""


def _wrong_config(folder: Path, inside: str) -> Iterator[str]:
    where = f"{TOP}/{inside}/{ADAPTER_CONFIG}"
    try:
        config = json.loads((folder / inside / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    except ValueError as error:
        yield f"{where}: is no JSON ({error})."
        return
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        kind = config.get("peft_type") if isinstance(config, dict) else type(config).__name__
        yield f"{where}: is of {kind}, and an adapter of type LORA is needed."


def _wrong_weights(folder: Path, inside: str) -> Iterator[str]:
    where = f"{TOP}/{inside}/{ADAPTER_WEIGHTS}"
    try:
        shapes = adapter_shapes(folder / inside / ADAPTER_WEIGHTS)
    except (SafetensorError, OSError) as error:
        yield f"{where}: cannot be read ({error})."
        return
    known = _widths(folder)
    if known is None:
        yield f"{TOP}/{BASE}/config.json: does not say how wide the base's towers are."
        return
    for tower, width in known.items():
        reads = {
            shape[1]
            for name, shape in shapes.items()
            if name.endswith(FIRST_LAYER) and len(shape) == 2 and ("vision" in name) == (tower == "vision")
        }
        if reads - {width}:
            whose = "this bundle's base" if (folder / BASE).is_dir() else HUB_BASE
            yield (
                f"{where}: is of another base model: in its {tower} tower are layers of {min(reads - {width})} numbers,"
                f" and {whose} has {width}."
            )
            return


def _widths(folder: Path) -> Mapping[str, int] | None:
    """Hidden numbers of the base's towers: the bundle's own, else the course's."""
    if not (folder / BASE).is_dir():
        return HUB_WIDTHS
    try:
        config = json.loads((folder / BASE / "config.json").read_text(encoding="utf-8"))
        return {tower: int(config[name]["hidden_size"]) for tower, name in TOWER_NAMES.items()}
    except (OSError, ValueError, LookupError, TypeError):
        return None


def adapter_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the shapes of an adapter's weights by name. Raises SafetensorError, OSError."""
    with safe_open(path, framework="pt") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118  # no mapping


def _wrong_additional(path: Path, where: str) -> Iterator[str]:
    try:
        saved: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        yield f"{where}: holds no plain weights ({str(error).strip().splitlines()[0]}); other pickles are not opened."
        return
    if not isinstance(saved, dict) or not any("proj" in str(name) for name in saved):
        yield f"{where}: has no projection among its weights, which then is random."


def _describe(folder: Path, inside: str) -> str:
    config = json.loads((folder / inside / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    shapes = adapter_shapes(folder / inside / ADAPTER_WEIGHTS)
    layers = sum("lora_A" in name for name in shapes)
    base = config.get("base_model_name_or_path")
    return f"{TOP}/{inside}: adapters of rank {config.get('r')} in {layers} layers of {base or 'no named base'}"
