"""What this plugin offers. torch, onnx and onnxruntime are imported only when a run is exported."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_commands(register: Register) -> None:
    register("export", "ctk_export.command:export", "a run's fitted members as ONNX, TorchScript or safetensors")
