"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

from ctk import hookimpl
from ctk.hookspecs import Register
from ctk_tables.metrics.catalogue import ATTRIBUTES

requires_ctk = ">=0.2,<0.3"
"""Tables as competitions of ctk."""


@hookimpl
def ctk_register_metrics(register: Register) -> None:
    for attribute, entry in ATTRIBUTES.items():
        if not entry.core:
            register(entry.name, f"ctk_tables.metrics.by_name:{attribute}", entry.about)
