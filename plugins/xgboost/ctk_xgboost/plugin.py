"""What this distribution offers to ctk; XGBoost is imported only when something is fitted."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_models(register: Register) -> None:
    register(
        "xgboost", "ctk_xgboost.model:XGBoost", "gradient-boosted trees of XGBoost on every feature that is a table"
    )
