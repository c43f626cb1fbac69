"""What this plugin offers. The official client is imported only when Kaggle is asked for something."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_platforms(register: Register) -> None:
    register("kaggle", "ctk_kaggle.platform:Kaggle", "kaggle.com: data, submissions and leaderboards")
