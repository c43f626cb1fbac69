"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_models(register: Register) -> None:
    networks = "ctk_atmacup_18.networks"
    register("nn1", f"{networks}.nn1:NN1", "three frames as channels of a backbone, scalars beside it")
    register("nn2", f"{networks}.nn2:NN2", "nn1's features, then bidirectional LSTMs over the rows of a scene")
