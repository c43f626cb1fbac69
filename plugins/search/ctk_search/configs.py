"""The configs of trials: what all share, a trial's own values, and what a search adds to both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ctk.api import configured
from ctk.contract import Member, RunConfig
from ctk.errors import CtkError, UsageError
from ctk.files import fingerprint
from ctk_search.space import Parameter, Space, as_text

NO_PART_OF_A_CONFIG = ("competition", "executor")
"""Keys that best-config.yaml lacks and no trial chooses: said on the command line, or the search's own."""


def config_of(competition: str, base: Mapping[str, Any], overrides: Sequence[str], share: float = 1.0) -> RunConfig:
    """The config of a trial, as ``ctk run`` would make it. Raises UsageError.

    base   as for ``ctk.api.configured``
    share  of each member's epochs, at least one; schedules fit to what is left
    """
    given = base.get("overrides") or ()
    config, _ = configured(competition, **{**base, "overrides": [*given, *overrides]})
    if share >= 1:
        return config
    return _with_members(config, [_shared(member, share) for member in config.members])


def fitted(config: RunConfig) -> RunConfig:
    """The same as it is fitted in a search: no baselines, which no score comes from; with a validation loss."""
    used = {name for member in config.members for name in member.asks_here}
    scored = [member for member in config.members if member.blend or member.name in used]
    return _with_members(config, [_with_loss(member) for member in scored or config.members])


def best(config: RunConfig) -> dict[str, Any]:
    """What ``ctk run --config`` takes to make the same run."""
    return {key: value for key, value in config.plain().items() if key not in NO_PART_OF_A_CONFIG}


def longest(config: RunConfig) -> int:
    """Epochs of the member that has most; 1 where none has any."""
    phases = [member.training.phases() for member in config.members if hasattr(member.training, "phases")]
    return max((sum(phase.epochs for phase in each) for each in phases), default=1)


def check(space: Space, competition: str, base: Mapping[str, Any]) -> RunConfig:
    """Refuse a space whose values a config does not take: every choice and the ends of every range are tried, the
    other parameters at their first values. Returns the config of the first values. Raises UsageError naming the
    parameter.
    """
    first = {name: parameter.ends[0] for name, parameter in space.parameters.items()}
    try:
        config_of(competition, base, space.overrides({}))
    except UsageError as error:
        config_of(competition, base, [])  # raises what is wrong without the space
        raise UsageError(f"{space.source}, base: {error.problem}", error.help) from None
    for name, parameter in space.parameters.items():
        _refuse_unfit(parameter, f"{space.source}, {name}")
        seen: dict[str, Any] = {}
        for value in parameter.ends:
            try:
                made = config_of(competition, base, space.overrides(first | {name: value}))
            except CtkError as error:
                raise UsageError(f"{space.source}, {name}: {error.problem}", error.help) from None
            same = fingerprint(made.plain())
            if same in seen:
                raise UsageError(
                    f"{space.source}, {name}: {as_text(seen[same])} and {as_text(value)} give the same config.",
                    "Keep one of them; where another parameter sets the same key, leave one out.",
                )
            seen[same] = value
    return config_of(competition, base, space.overrides(first))


def _refuse_unfit(parameter: Parameter, where: str) -> None:
    for value in parameter.ends:
        for key in parameter.assignments(value):
            if str(key).partition(".")[0] in (*NO_PART_OF_A_CONFIG, "data_dir"):  # scores of other data do not compare
                raise UsageError(f"{where}: {key} is the same for all trials.", "Say it on the command line.")


def _with_members(config: RunConfig, members: Sequence[Member]) -> RunConfig:
    return config.model_copy(update={"members": tuple(members)})


def _shared(member: Member, share: float) -> Member:
    stages = [
        stage | {"epochs": _part(stage["epochs"], share)} if "epochs" in stage else stage
        for stage in getattr(member.training, "stages", ())
    ]
    member = _set(member, stages=tuple(stages))
    return _set(member, epochs=_part(member.training.epochs, share)) if hasattr(member.training, "epochs") else member


def _with_loss(member: Member) -> Member:
    """The member with a loss of the validation samples: its own choice, else that of the training."""
    return _set(member, valid_loss=getattr(member.training, "valid_loss", False) or True)


def _set(member: Member, **keys: Any) -> Member:
    """The member with those of the training keys that it has."""
    update = {key: value for key, value in keys.items() if hasattr(member.training, key)}
    return member.model_copy(update={"training": member.training.model_copy(update=update)}) if update else member


def _part(epochs: int, share: float) -> int:
    return max(1, round(epochs * share))
