"""What this plugin offers. Optuna is imported only when something is searched for."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_samplers(register: Register) -> None:
    register(
        "mcts", "ctk_mcts.sampler:MCTSSampler", "Monte-Carlo tree search (UCT), short probes promoted to full runs"
    )
