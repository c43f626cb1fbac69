"""In which competition, and beside what, a component is tried."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from ctk.contract import Competition, Model
from ctk.contract.schema import merge_configs
from ctk.plugins import plugins
from ctk.plugins.guard.competition import competition_of
from ctk.testing.case import Case
from ctk.testing.subject import Offer
from ctk.testing.toy import FLAVOURS

RIDGES = [{"model": {"name": "ridge", "alpha": alpha}, "name": f"ridge-{alpha}"} for alpha in (1, 100)]
"""Members that any data has, for what is not about members."""

BATCH = 32
"""Rows of a batch: enough for two steps on samples of any width."""

Candidate = tuple[str, dict[str, Any]]
"""A competition by name, and what is laid over its embedded preset."""


def candidates(case: Case, offer: Offer) -> Iterator[Candidate]:
    """Where to try a component, the likeliest first: its plugin's own competitions, then the toy's flavours."""
    own = [each.name for each in case.subject.of("competitions") if (each.kind, each.name) not in case.broken]
    # What is not about data needs no data of its own.
    names = FLAVOURS[:1] if offer.kind in ("executors", "trackers") else [*own, *FLAVOURS]
    for name in [case.competition] if case.competition else names:
        competition = competition_of(name)
        config: dict[str, Any] = {"members": RIDGES, "blend": "mean", "filters": []}
        if offer.kind == "models":
            config["members"] = [_member_of(competition, offer)]
            if name in FLAVOURS and (features := getattr(offer.load(), "features", None)):
                config["data"] = {"name": "toy", "features": list(features)}
        elif offer.kind == "losses":
            config["members"] = [{**_network(competition), "loss": offer.name}]
        elif offer.kind == "blenders":
            config["blend"] = offer.name
        elif offer.kind == "filters":
            config["filters"] = [offer.name]
        elif offer.kind == "data":
            config |= {"data": offer.name, "split": {"by": None, "predefined": None, "folds": 2}}
        elif offer.kind == "executors":
            config |= {"members": [RIDGES[0], _network(competition)], "seeds": [1, 2]}
        elif offer.kind == "trackers":
            config |= {"members": [_network(competition)], "trackers": [offer.name]}
        yield name, config


def _member_of(competition: Competition, offer: Offer) -> dict[str, Any]:
    """A member with a model of default options, trained as the embedded preset's network is.

    Other presets may have made it for days on a GPU.
    """
    thing = offer.load()
    if inspect.isclass(thing) and issubclass(thing, Model):
        return {"model": offer.name}
    return {**_network(competition), "model": offer.name}


def _network(competition: Competition) -> dict[str, Any]:
    """The first network of the embedded preset, as a member with small batches."""
    small = {"batch": {"size": BATCH}}
    for member in competition.presets()[competition.embedded].get("members", []):
        name = _name(member["model"])
        thing = plugins().load("models", name)
        if not (inspect.isclass(thing) and issubclass(thing, Model)):
            return merge_configs(_alone(member), small)
    return {"model": "toy-network", "loss": "toy-squared-error", **small}


def _name(choice: str | Mapping[str, Any]) -> str:
    return choice if isinstance(choice, str) else str(choice["name"])


def _alone(member: Mapping[str, Any]) -> dict[str, Any]:
    """A member without what it is to others: blended, and using none of them."""
    return {key: value for key, value in member.items() if key not in ("name", "blend", "uses", "seeds")}
