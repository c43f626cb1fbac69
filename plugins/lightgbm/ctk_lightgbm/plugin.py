"""What this distribution offers to ctk; LightGBM is imported only when something is fitted."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_models(register: Register) -> None:
    register(
        "lightgbm", "ctk_lightgbm.model:LightGBM", "gradient-boosted trees of LightGBM on every feature that is a table"
    )
