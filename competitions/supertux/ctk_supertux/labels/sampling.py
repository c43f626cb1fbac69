"""Which of all statements are taken: so many views, and as many of each family and of each answer."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from ctk.contract import Count, Strict
from ctk.samples import Array
from ctk_supertux.labels.statements import Statements


class Sampling(Strict):
    """Which questions, or captions, are made of the views there are."""

    views: Count | None = Field(None, description="Views that are asked about, drawn at random; null asks about all.")
    limit: Count | None = Field(
        None, description="How many are made at most; null makes all, or as many as the balance allows."
    )
    balance: Literal["none", "family", "answer"] = Field(
        "none",
        description="family makes as many of each family, as the graded file has; answer also makes those of a family "
        "as even by answer as there are such, up to the limit.",
    )
    zeros: bool = Field(
        False, description="Whether counts of a direction that are 0 are asked for, as no graded file does."
    )
    seed: int = Field(1, description="Of what is drawn.")


def draw_views(of: int, sampling: Sampling) -> Array:
    """(V,) bool: the views that statements are made of."""
    mask = np.ones(of, bool)
    if sampling.views is not None and sampling.views < of:
        mask[:] = False
        mask[np.random.default_rng([sampling.seed, 0]).permutation(of)[: sampling.views]] = True
    return mask


def draw(statements: Statements, sampling: Sampling) -> Array:
    """Rows (M',) int64 of statements, in their order: drawn at random within a family, or a family's answer."""
    generator = np.random.default_rng([sampling.seed, 1])
    limit = len(statements) if sampling.limit is None else sampling.limit
    if sampling.balance == "none":
        return np.sort(generator.permutation(len(statements))[:limit])
    sizes = np.bincount(statements.family, minlength=len(statements.families))
    if sampling.limit is None:
        limit = int(sizes[sizes > 0].min(initial=len(statements))) * int((sizes > 0).sum())
    chosen = []
    for family, quota in enumerate(fill_evenly(sizes, limit)):
        rows = generator.permutation(np.flatnonzero(statements.family == family))
        if sampling.balance == "answer" and len(rows):
            _, answer, counts = np.unique(statements.answer[rows], return_inverse=True, return_counts=True)
            rows = rows[_rank_within(answer) < fill_evenly(counts, quota)[answer]]
        chosen.append(rows[:quota])
    return np.sort(np.concatenate([np.empty(0, np.int64), *chosen]))


def fill_evenly(sizes: Array, total: int) -> Array:
    """(C,) int64: how many to take of each of C classes of these sizes, ``total`` together, as even as they allow.

    A small class gives all it has, and the others share what is left; a remainder goes to the first of the largest.
    """
    taken = np.zeros(len(sizes), np.int64)
    left = min(total, int(np.sum(sizes)))
    while left:
        open_ = np.flatnonzero(taken < sizes)
        if left < len(open_):
            taken[open_[:left]] += 1
            break
        step = min(left // len(open_), int((sizes - taken)[open_].min()))
        taken[open_] += step
        left -= step * len(open_)
    return taken


def _rank_within(classes: Array) -> Array:
    """(N,) int64: how many rows of the same class come before a row."""
    order = np.argsort(classes, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(classes[order])) + 1]
    ranks = np.empty(len(classes), np.int64)
    ranks[order] = np.arange(len(classes)) - np.repeat(starts, np.diff(np.r_[starts, len(classes)]))
    return ranks
