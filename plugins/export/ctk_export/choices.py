"""What can be chosen, known without importing what does it."""

FORMATS = ("onnx", "torchscript", "safetensors")
OPSET = 20
"""Of ONNX's operators: the default of torch 2.15, which onnxruntime reads from 1.17 (2024) on."""
LOWEST, HIGHEST = 18, 25
"""torch's exporter is written for 18; onnxscript 0.7 lifts what it writes as far as 25."""
