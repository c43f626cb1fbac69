"""TorchScript by tracing. torch says that it will not be developed further; C++ and mobile programs still load it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ctk.errors import CtkError
from ctk.samples import Array
from ctk_export.formats import Job
from ctk_export.quiet import one_line_error, quiet

SUFFIX = "pt"
LIBRARIES = ("torch",)


def write(job: Job, path: Path) -> dict[str, Any]:
    """One file; the labels lie in it as ``ctk.json``."""
    jit: Any = torch.jit
    with quiet(), torch.no_grad():
        try:
            traced = jit.trace(job.fitted.graph(), tuple(job.example), check_trace=False)
        except Exception as error:  # whatever a network's code meets when it is traced
            raise CtkError(
                f"torch cannot trace this model: {one_line_error(error)}",
                "--format safetensors writes its weights alone.",
            ) from error
        made = BytesIO()  # on a full disk torch's own writer ends in a RuntimeError about positions in the file
        jit.save(traced, made, _extra_files={"ctk.json": json.dumps(dict(job.labels))})
    path.write_bytes(made.getbuffer())
    return {}


def reader(job: Job, path: Path) -> Callable[[Sequence[Tensor]], Array]:
    """``torch.jit.load`` on the CPU."""
    with quiet():
        jit: Any = torch.jit
        loaded = jit.load(path, map_location="cpu")

    def predict(inputs: Sequence[Tensor]) -> Array:
        with torch.inference_mode():
            prediction: Array = loaded(*inputs).numpy()
        return prediction

    return predict
