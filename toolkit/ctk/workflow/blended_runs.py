"""The runs that a blend was made of, where it lies on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ctk.errors import UsageError
from ctk.runs import Run


def blended_runs(blend: Run) -> Mapping[str, Path]:
    """Return the runs of a blend, by what their members' keys begin with; of a packed one they lie in its own folder.

    Raises UsageError where it is of anything else.
    """
    config = blend.config()
    runs = config.get("runs", {})
    if len(runs) < len(config.get("sources", ())):
        raise UsageError(
            f"{blend.folder} is a blend of files too, and their authors alone can predict other data.",
            f"Blend what they predict: ctk blend NAME=FILE ... --weights-of {blend.folder}",
        )
    folders = {prefix: blend.folder / folder for prefix, folder in runs.items()}
    for folder in folders.values():
        if not (folder / "config.yaml").is_file():
            raise UsageError(f"{folder}, which {blend.folder} blends, is gone.", "Put it back there.")
    return folders
