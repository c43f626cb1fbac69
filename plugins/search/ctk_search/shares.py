"""A trial for a part of its epochs."""

from __future__ import annotations

from typing import Any

from ctk.config import Member, RunConfig


def with_share(config: RunConfig, share: float) -> RunConfig:
    """The config with so large a part of each member's epochs, at least one; schedules fit to what is left."""
    if share >= 1:
        return config
    return config.model_copy(update={"members": tuple(_member(member, share) for member in config.members)})


def _member(member: Member, share: float) -> Member:
    training: Any = member.training
    update: dict[str, Any] = {}
    if hasattr(training, "epochs"):
        update["epochs"] = _part(training.epochs, share)
    if stages := getattr(training, "stages", ()):
        update["stages"] = tuple(
            stage | {"epochs": _part(stage["epochs"], share)} if "epochs" in stage else stage for stage in stages
        )
    return member.model_copy(update={"training": training.model_copy(update=update)}) if update else member


def _part(epochs: int, share: float) -> int:
    return max(1, round(epochs * share))
