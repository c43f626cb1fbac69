"""Low-rank adapters by peft: put into a model, saved in peft's own format, loaded again."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from pydantic import Field
from safetensors.torch import save_file

from ctk.contract import Count, Strict
from ctk.errors import CtkError, UsageError
from ctk_transformers.pretrained import first_line

ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
"""The files of a saved adapter."""


class Lora(Strict):
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): ``{r: 8, alpha: 32, target: all-linear}``."""

    r: Count = Field(8, description="rank of each update")
    alpha: float = Field(32, gt=0, description="updates are multiplied by alpha / r")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of an adapter's inputs dropped in training")
    target: str | tuple[str, ...] = Field(
        "all-linear",
        description="layers with an adapter: all-linear (every linear one but the head), ends of their names, or one "
        "regular expression",
    )


def add_lora(model: Any, lora: Lora, task: str | None = "CAUSAL_LM", exclude: str | None = None) -> PeftModel:
    """Put adapters into a model, in place; its own weights are frozen, and the adapters change nothing yet.

    task     as peft has it: "CAUSAL_LM", "FEATURE_EXTRACTION", or None
    exclude  a regular expression of layers' whole names that have none
    Raises UsageError for a target that fits no layer.
    """
    target = lora.target if isinstance(lora.target, str) else list(lora.target)
    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # peft divides by r; a whole number is not needed
        lora_dropout=lora.dropout,
        target_modules=target,
        exclude_modules=exclude,
        task_type=task,
        bias="none",
    )
    try:
        with warnings.catch_warnings():  # of names that transformers will drop, and of what peft mends itself
            warnings.simplefilter("ignore")
            adapted: Any = get_peft_model(model, config)
    except ValueError as error:
        raise UsageError(
            f"Config key 'lora.target': {first_line(error)}.",
            "Name layers by the ends of their names, such as [q_proj, v_proj], or all: all-linear.",
        ) from error
    return adapted  # type: ignore[no-any-return]


def save_lora(model: PeftModel, folder: Path) -> None:
    """Write ``adapter_config.json`` and ``adapter_model.safetensors``, which ``PeftModel.from_pretrained`` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    config = model.peft_config["default"]
    config.inference_mode, before = True, config.inference_mode
    config.save_pretrained(str(folder))
    config.inference_mode = before
    # Peft would else ask the hub whether the base's vocabulary was changed.
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    save_file(tensors, folder / ADAPTER[1], metadata={"format": "pt"})


def load_lora(model: Any, folder: Path, trainable: bool = False) -> PeftModel:
    """Put a saved adapter into the base that it is of.

    Raises CtkError where a file is missing or unreadable, or where it is an adapter of another model.
    """
    missing = [name for name in ADAPTER if not (folder / name).is_file()]
    if missing:
        raise CtkError(f"{folder}: has no {missing[0]}.", f"An adapter's folder holds {' and '.join(ADAPTER)}.")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Found missing adapter keys")
            return PeftModel.from_pretrained(model, str(folder), is_trainable=trainable, torch_device="cpu")
    except Exception as error:  # peft's, torch's, safetensors' or the disk's
        raise CtkError(
            f"{folder}: is no adapter of {getattr(model, 'name_or_path', '') or type(model).__name__}"
            f" ({first_line(error)}).",
            "Load the base model that its adapter_config.json names.",
        ) from error
