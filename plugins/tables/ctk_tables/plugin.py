"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl
from ctk_tables.metrics.catalogue import ATTRIBUTES

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_models(register: Register) -> None:
    register("linear", "ctk_tables.models.linear:Linear", "ridge or logistic regression on every feature of a table")
    register("table-mlp", "ctk_tables.models.table_mlp:TableMLP", "embeddings and layers over every feature of a table")


@hookimpl
def ctk_register_metrics(register: Register) -> None:
    for attribute, entry in ATTRIBUTES.items():
        if not entry.core:
            register(entry.name, f"ctk_tables.metrics.by_name:{attribute}", entry.about)


@hookimpl
def ctk_register_extractors(register: Register) -> None:
    register("frequency", "ctk_tables.encoders.frequency:Frequency", "how many training rows have a category")
    register(
        "hashed-ngrams", "ctk_tables.encoders.hashed_ngrams:HashedNgrams", "texts by their n-grams, in few numbers"
    )


@hookimpl
def ctk_register_scaffolds(register: Register) -> None:
    register(
        "table",
        "ctk_tables.scaffold.table_scaffold:TableScaffold",
        "train, test and sample submission, as Kaggle hands them out, into a competition",
    )
