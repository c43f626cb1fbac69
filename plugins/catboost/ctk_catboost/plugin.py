"""What this distribution offers to ctk; CatBoost is imported only when something is fitted."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_models(register: Register) -> None:
    register(
        "catboost", "ctk_catboost.model:CatBoost", "gradient-boosted trees of CatBoost on every feature that is a table"
    )
