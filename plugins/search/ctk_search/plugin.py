"""What this plugin offers. Optuna is imported only when something is searched for."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_commands(register: Register) -> None:
    register("search", "ctk_search.command:search", "hyper-parameter search: every trial a run, resumable")


@hookimpl
def ctk_register_samplers(register: Register) -> None:
    register(
        "random", "ctk_search.samplers:random", "each point with the same chance; a finite space without repetition"
    )
    register("grid", "ctk_search.samplers:grid", "every point of a finite space, in its order")
    register("tpe", "ctk_search.samplers:tpe", "tree-structured Parzen estimator (Bergstra et al. 2011)")
