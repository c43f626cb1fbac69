"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

from ctk import hookimpl
from ctk.hookspecs import Register

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_competitions(register: Register) -> None:
    register(
        "aml-retrieval", "ctk_aml_retrieval.competition:AMLRetrieval", "find the picture of a caption, by embedding"
    )


@hookimpl
def ctk_register_data(register: Register) -> None:
    register("aml-npz", "ctk_aml_retrieval.reader:AMLReader", "train.npz and test.clean.npz of the AML competition")


@hookimpl
def ctk_register_models(register: Register) -> None:
    register("residual-mlp", "ctk_aml_retrieval.model:ResidualMLP", "expand, residual branch of two layers, project")


@hookimpl
def ctk_register_metrics(register: Register) -> None:
    register("mrr_gallery", "ctk_aml_retrieval.evaluation:MRR_GALLERY", "MRR by cosine over the whole gallery")
    register("mrr_100", "ctk_aml_retrieval.evaluation:MRR_100", "MRR by dot product in chunks of 100 rows, best 99")


@hookimpl
def ctk_register_filters(register: Register) -> None:
    register("topk", "ctk_aml_retrieval.filters:TopK", "keep captions whose picture a baseline ranks among its best k")
    register("ridge", "ctk_aml_retrieval.filters:Ridge", "drop captions that fit their picture worst, by ridge")
