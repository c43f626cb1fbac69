"""What transformers' auto classes load, from a folder, a package or the hub; code beside weights is never run."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from transformers.utils import logging as hf_logging

from ctk.errors import CtkError, UsageError
from ctk_timm import HubFile


def find_pretrained(model: str) -> tuple[str, bool]:
    """Tell what ``from_pretrained`` is given for a model, and whether it lies on this machine.

    model    a folder as ``save_pretrained`` writes it; one inside an installed package, ``PACKAGE:FOLDER``; or an id of
             the hub, ``OWNER/NAME``
    returns  the folder's absolute path or the id as it is
    Raises UsageError for a folder or package that is not there, CtkError at once where the hub cannot be reached.
    """
    package, colon, inside = model.partition(":")
    folder = Path(model).expanduser()
    if colon and package.replace(".", "").isidentifier() and not folder.is_dir():
        folder = _package_folder(package) / inside
    if folder.is_dir():
        return str(folder.resolve()), True
    if colon or model.startswith((".", "/", "~")) or model.count("/") != 1:
        raise UsageError(f"{model}: there is no such folder.", "Give one with config.json, or an id of the hub.")
    config = HubFile(model, "config.json")
    if config.cached() is not None:
        return model, True
    config.require(f"The model '{model}'", "Fetch it elsewhere, and give its folder: model: FOLDER.")
    return model, False


def load_pretrained(kind: Any, model: str, holds: str = "config.json and model.safetensors", **options: Any) -> Any:
    """Load what an auto class of transformers makes of a model: ``load_pretrained(AutoModel, "google/vit-base")``.

    holds    the files that the folder must have, for people
    options  of ``from_pretrained``
    Raises as ``find_pretrained`` does, and CtkError for files that cannot be read.
    """
    place, local = find_pretrained(model)
    progress = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return kind.from_pretrained(place, local_files_only=local, **options)
    except Exception as error:  # transformers', the hub's, safetensors' or the disk's
        raise CtkError(
            f"{model}: cannot be loaded as a model ({first_line(error)}).",
            f"Its folder must hold {holds}, as save_pretrained writes them.",
        ) from error
    finally:
        if progress:
            hf_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def first_line(error: Exception) -> str:
    """Shorten what a library says of what went wrong, for the middle of a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:200].rstrip(".")


def _package_folder(package: str) -> Path:
    try:
        module = import_module(package)
    except ImportError:
        raise UsageError(f"There is no installed package '{package}'.", "Give a folder, or an id of the hub.") from None
    return Path(next(iter(module.__path__)))
