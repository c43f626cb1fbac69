"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_extractors(register: Register) -> None:
    register(
        "detr-regions",
        "ctk_transformers.extractor:DetrRegions",
        "embeddings of pictures by region, by a frozen DETR, and how alike the frames are",
    )


@hookimpl
def ctk_register_models(register: Register) -> None:
    register(
        "smolvlm",
        "ctk_transformers.vision_language:VisionLanguageNetwork",
        "a vision-language model fine-tuned by LoRA to answer questions about a picture in words",
    )
    register(
        "causal-lm",
        "ctk_transformers.causal:CausalLanguageNetwork",
        "a causal language model fine-tuned by LoRA to answer a text in words",
    )
