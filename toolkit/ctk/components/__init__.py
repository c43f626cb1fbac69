"""What the core itself offers, through the same hooks as anyone. Nothing here is imported before it is used."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl


@hookimpl
def ctk_register_models(register: Register) -> None:
    register("ridge", "ctk.components.ridge:Ridge", "linear map by ridge regression, solved in closed form")


@hookimpl
def ctk_register_losses(register: Register) -> None:
    register("info-nce", "ctk.components.info_nce:InfoNCE", "symmetric contrastive loss, several positives a row")


@hookimpl
def ctk_register_blenders(register: Register) -> None:
    register("mean", "ctk.components.blenders:Mean", "arithmetic mean of raw or normalised predictions")
    register("greedy", "ctk.components.blenders:Greedy", "greedy selection with replacement by the run's metric")
    register("hill-climb", "ctk.components.hill_climbs:HillClimb", "hill climbing to weights by the run's metric")
    register(
        "hill-climb-retrieval",
        "ctk.components.hill_climbs:HillClimbRetrieval",
        "hill climbing to weights by mean reciprocal rank over the gallery",
    )


@hookimpl
def ctk_register_executors(register: Register) -> None:
    register("local", "ctk.components.executors:local", "processes on this machine, one a GPU where there are GPUs")
    register("serial", "ctk.components.executors:Serial", "this process, one after another")


@hookimpl
def ctk_register_trackers(register: Register) -> None:
    register("tensorboard", "ctk.components.trackers:tensorboard", "TensorBoard event files in the member's folder")
    register("csv", "ctk.components.trackers:csv", "metrics.csv in the member's folder")
