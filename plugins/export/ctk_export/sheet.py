"""The JSON beside an export: what goes in, what comes out, where it came from, how it was checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ctk.api import FittedRun
from ctk.runs import Part, Run
from ctk.samples import Samples
from ctk_export.check import TOLERANCE, Agreement
from ctk_export.formats import Format, Job

LIBRARIES = ("competition-toolkit", "ctk-export", "numpy")


def labels(run: Run, part: Part) -> dict[str, str]:
    """What tells an export apart from others, as text."""
    return {
        "competition": run.competition,
        "run": run.folder.resolve().name,
        "member": part.member,
        "seed": str(part.seed),
        "fold": str(part.fold),
    }


def sheet(run: FittedRun, part: Part, form: Format, job: Job) -> dict[str, Any]:
    """What is known of an export before it is written."""
    member, facts = run.member(part), run.run.facts(part)
    saved = (path for path in sorted(run.checkpoints(part).iterdir()) if path.is_file())
    return {
        **labels(run.run, part),
        "seed": part.seed,
        "fold": part.fold,
        "model": {"name": member.model.name, **member.model.options},
        "scores": facts["scores"],
        "postprocess": facts["postprocess"],
        "normalisation": {
            "in_graph": form.SUFFIX != "safetensors",
            "statistics": {name: value.tolist() for name, value in job.fitted.statistics().items()},
        },
        "checkpoint": list_files(saved),
        "libraries": {name: version(name) for name in (*LIBRARIES, *form.LIBRARIES)},
    }


def describe_check(job: Job, samples: Samples, agreement: Agreement) -> dict[str, Any]:
    """What is known once the export was run on some samples."""
    prediction: dict[str, Any] = {"name": "prediction", "shape": ["batch", *agreement.shape], "dtype": "float32"}
    if samples.targets is not None:
        prediction["columns"] = samples.targets.names.tolist()
    return {
        "inputs": [
            {"name": name, "shape": ["batch", *value.shape[1:]], "dtype": str(value.dtype).removeprefix("torch.")}
            for name, value in zip(job.fitted.features, job.example, strict=True)
        ],
        "outputs": [prediction],
        "checked": {
            "samples": len(samples),
            "batches": agreement.batches,
            "largest_difference": agreement.difference,
            "tolerance": TOLERANCE,
            "unit": "standard deviations of a column, between the export's and the model's own predictions",
        },
    }


def list_files(files: Iterable[Path]) -> list[dict[str, Any]]:
    """Name, size and sha256 of files."""
    return [{"name": path.name, "bytes": path.stat().st_size, "sha256": _sha256(path)} for path in files]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
