"""ONNX by torch's exporter, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from torch import Tensor

from ctk.errors import CtkError
from ctk.samples import Array
from ctk_export.formats import Job
from ctk_export.quiet import one_line_error, quiet

SUFFIX = "onnx"
LIBRARIES = ("torch", "onnx", "onnxscript", "onnxruntime")
INSIDE = 3 * 2**29
"""Bytes of weights kept in the file itself. Protocol buffers end at 2 GiB; beyond this they lie beside it."""


def write(job: Job, path: Path) -> dict[str, Any]:
    """One file, with weights in ``NAME.onnx.data`` beside it where they are too large for it."""
    graph, names, wanted = job.fitted.graph(), list(job.fitted.features), job.opset
    shapes = (tuple({0: torch.export.Dim("batch")} for _ in names),)
    with quiet():
        try:
            traced = torch.export.export(graph, tuple(job.example), dynamic_shapes=shapes, strict=False)
            program = torch.onnx.export(
                traced,
                input_names=names,
                output_names=["prediction"],
                dynamic_shapes=shapes,  # for the name of the dimension
                opset_version=wanted,
                verbose=False,
            )
        except Exception as error:  # whatever a network's code meets when it is traced
            raise CtkError(
                f"torch cannot write this model as ONNX: {one_line_error(error)}",
                "Its forward must take any number of rows (x.shape[0], not len(x)) and not branch on values."
                " --format safetensors writes its weights alone.",
            ) from error
        assert program is not None
        program.model.metadata_props.update(job.labels)
        size = sum(value.nbytes for value in graph.state_dict().values())
        program.save(path, external_data=size > INSIDE)
    written = program.model.opset_imports[""]
    if written != wanted:
        raise CtkError(
            f"This model cannot be written with opset {wanted}.", f"torch wrote it with {written}: use that."
        )
    return {"opset": written}


def reader(job: Job, path: Path) -> Callable[[Sequence[Tensor]], Array]:
    """onnxruntime on the CPU, with as many threads as torch has."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no base of their own
        raise CtkError(
            f"onnxruntime {onnxruntime.__version__} cannot load what was written: {one_line_error(error)}",
            "Try another --opset.",
        ) from error

    def predict(inputs: Sequence[Tensor]) -> Array:
        named = {name: value.numpy() for name, value in zip(job.fitted.features, inputs, strict=True)}
        (prediction,) = session.run(["prediction"], named)
        return prediction  # type: ignore[no-any-return]

    return predict
