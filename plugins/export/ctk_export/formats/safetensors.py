"""safetensors: the weights alone, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from ctk.samples import Array
from ctk_export.formats import Job

SUFFIX = "safetensors"
LIBRARIES = ("torch", "safetensors")


def write(job: Job, path: Path) -> dict[str, Any]:
    """One file; the labels are its metadata."""
    # Of tensors that share memory (tied weights) each is written: a reader then needs to know nothing of it.
    alone = {name: value.detach().clone().contiguous() for name, value in job.fitted.tensors().items()}
    path.write_bytes(save(alone, dict(job.labels)))
    return {"tensors": len(alone)}


def reader(job: Job, path: Path) -> Callable[[Sequence[Tensor]], Array]:
    """The tensors in a model made anew, of which nothing was fitted."""
    graph = job.restore(load_file(path)).graph()

    def predict(inputs: Sequence[Tensor]) -> Array:
        with torch.inference_mode():
            prediction: Array = graph(*inputs).numpy()
        return prediction

    return predict
