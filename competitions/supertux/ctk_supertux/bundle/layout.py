"""Names in a bundle, and its limits, as the course's loader and grader have them."""

from __future__ import annotations

TOP = "homework"
"""The one folder of a bundle."""
PARTS = {"vlm": "vlm_model", "clip": "clip_model"}
"""The folder below TOP of each part's adapter."""
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
ADDITIONAL = "additional_weights.pt"
"""Beside the CLIP adapter: every parameter that is of neither tower."""
BASE = "base"
"""Below TOP, the base model's files, where it is none of the hub."""
SETTINGS = "settings.json"
"""Below TOP: of which base the adapters are, and how the vision-language model is asked."""
HUB_BASE = "HuggingFaceTB/SmolVLM-256M-Instruct"
"""The course's base model."""
HUB_WIDTHS = {"vision": 768, "text": 576}
"""Hidden numbers of its towers."""
LOADERS = {"vlm": "load_vlm", "clip": "load_clip"}
"""What the grader calls of TOP for each part."""
DATA_NAMES = ("VQADataset", "MultiChoiceQADataset", "benchmark")
"""What the grader calls of TOP.data."""
MB = 1_000_000
LIMIT, WARNED = 50 * MB, 40 * MB
"""Bytes that a bundle may have; from WARNED on the course's script warns."""
UNPACKED = 2_000 * MB
"""Bytes that are unpacked at most."""
SKIPPED = ("__pycache__", "*.pyc", "*.ipynb", "checkpoint-*", "tensorboard")
"""What of a folder no grader needs: the first three the course's script leaves out, the others are a trainer's."""
