"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

from ctk import hookimpl
from ctk.hookspecs import Register

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_scaffolds(register: Register) -> None:
    register(
        "table",
        "ctk_tables.scaffold.table_scaffold:TableScaffold",
        "train, test and sample submission, as Kaggle hands them out, into a competition",
    )
