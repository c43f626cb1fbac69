"""Weights that extractors fetch from a hub: fetched once more into the packed folder, by extracting from a few rows.

A fitted model needs no hub, for what it learned is saved; a frozen extractor is made anew wherever its run predicts.
As a program this is the process that extracts: libraries of hubs read where their caches are when they are imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from ctk.errors import CtkError
from ctk.packing.packed_members import PackedMembers
from ctk.plugins import plugins
from ctk.runs import Run
from ctk.workflow.features import plan_features, prepare_frozen
from ctk.workflow.prepare import prepare

CACHES = {"HF_HUB_CACHE": "hub", "TORCH_HOME": "torch"}
"""Where libraries keep what they fetch, by variable: folders of the packed one. The notebook sets the same."""
ROWS = 32
"""Test samples that are extracted from."""


def fetch_weights(members: PackedMembers, folder: Path) -> None:
    """Have the frozen extractors of a run fetch their weights into the packed folder, if they fetch any.

    Raises CtkError where that fails.
    """
    if not members.config.features_of(*members.config.members):
        return
    environment = {**os.environ, **{variable: str(folder / name) for variable, name in CACHES.items()}}
    command = [sys.executable, "-P", "-m", __name__, str(members.run.folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise CtkError(
            f"The extractors of {members.run.folder} cannot be tried for packing: {said[-1]}",
            "What they fetch where they predict must be packed; with a file or a folder as their option it is too.",
        )
    for path in (folder / CACHES["HF_HUB_CACHE"]).rglob("*"):
        if path.is_symlink():  # to its own store of contents, which no upload keeps as links
            content = path.resolve()
            path.unlink()
            shutil.copyfile(content, path)
    for left in ("*/blobs", ".locks"):
        for path in (folder / CACHES["HF_HUB_CACHE"]).glob(left):
            shutil.rmtree(path)


def _extract_few(run: Run) -> None:
    """Extract the frozen features of a run's packed members from a few test samples, kept nowhere."""
    members = PackedMembers(run, plugins())
    config = members.config.model_copy(update={"data_dir": run.config().get("data_dir")})
    prepared = prepare(config, members.competition, plugins())
    data = prepared.data
    plan = plan_features(config, prepared, config.features_of(*config.members), plugins(), data.train)
    with tempfile.TemporaryDirectory() as place:
        elsewhere = plan.with_paths(lambda path: Path(place, path.relative_to(plan.folder)))
        few = data.test.take(np.arange(min(ROWS, len(data.test))))
        prepare_frozen(elsewhere, data.train.take(np.arange(0)), few, plugins())


if __name__ == "__main__":
    try:
        _extract_few(Run(Path(sys.argv[1])))
    except CtkError as error:
        sys.exit(error.problem)
