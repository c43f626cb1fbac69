"""Who is who among the members: names for people, who is best, whose colour is which."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ctk.report.figures import SERIES

if TYPE_CHECKING:
    from ctk.contract import Results


def deciding(results: Results, key: str) -> float:
    """The deciding metric of a member key or "blend"; nan where it was not evaluated."""
    return float(results.scores.get(key, {}).get(results.metric.name, math.nan))


def by_rank(results: Results, *, baselines: bool) -> list[str]:
    """Keys of the members, or of the baselines, the best first; those without a score last."""
    keys = [key for key in results.members if (key in results.baselines) == baselines]
    return sorted(keys, key=lambda key: results.metric.merit(deciding(results, key)), reverse=True)


def spoken(results: Results, key: str) -> str:
    """A member key for people; the seed is said only where the member has several."""
    name, seed = split_key(key)
    several = sum(1 for other in results.members if split_key(other)[0] == name) > 1
    return f"{name} seed {seed}" if several and seed else name


def best_baseline(results: Results, score: str | None = None) -> str | None:
    """Key of the baseline with predictions that scores best, by the deciding metric or another score of its direction.

    None where there is none, or none with a score that is a number.
    """
    name = score or results.metric.name
    scores = {
        key: results.scores.get(key, {}).get(name, math.nan) for key in sorted(results.baselines & set(results.oof))
    }
    finite = {key: value for key, value in scores.items() if math.isfinite(value)}
    return max(finite, key=lambda key: results.metric.merit(finite[key]), default=None)


def slots(results: Results) -> dict[str, int]:
    """The colour's number of each member, by member name: the best few get one from 1, the others and baselines 0."""
    names = list(dict.fromkeys(split_key(key)[0] for key in by_rank(results, baselines=False)))
    ranked = {name: slot if slot <= len(SERIES) else 0 for slot, name in enumerate(names, 1)}
    return {**{split_key(key)[0]: 0 for key in results.baselines}, **ranked}


def split_key(key: str) -> tuple[str, str]:
    """Member and seed of a key: "mlp/seed-1" is ("mlp", "1")."""
    name, found, seed = key.rpartition("/seed-")
    return (name, seed) if found else (key, "")
