"""The base that both models are adapters of: its weights, its processor, and where they run."""

import json
from pathlib import Path

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

HERE = Path(__file__).parent
SETTINGS = json.loads((HERE / "settings.json").read_text())
DEVICE = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
DTYPE = torch.bfloat16 if DEVICE == "cuda" else torch.float32


def source():
    """Return the folder in this bundle that holds the base, or its id on the hub."""
    own = HERE / "base"
    return str(own) if own.is_dir() else SETTINGS["base"]


def load_processor():
    """Load tokenizer and image processor; a picture is one picture, never split into further ones."""
    processor = AutoProcessor.from_pretrained(source())
    if hasattr(processor.image_processor, "do_image_splitting"):
        processor.image_processor.do_image_splitting = False
    if processor.tokenizer.pad_token is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return processor


def load_base():
    """Load the base's weights."""
    return AutoModelForImageTextToText.from_pretrained(source()).to(DTYPE)


def adapter_folder(name, *needed):
    """Return the folder of an adapter. Raises FileNotFoundError naming a file of it that is not there."""
    folder = HERE / name
    for file in ("adapter_config.json", "adapter_model.safetensors", *needed):
        if not (folder / file).is_file():
            raise FileNotFoundError(f"{folder.name}/{file} is not in this bundle")
    return folder
