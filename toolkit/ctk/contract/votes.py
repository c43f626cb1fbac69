"""Votes: what most of several predictions say, where a mean of them says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctk.samples import Array

TIE = 1e-9
"""Sums of weights so near each other, in parts of all of them, are equal: they were added up in another order."""


def vote_of_texts(texts: Sequence[Array], weights: Sequence[Array]) -> Array:
    """Take in each row the text with the most votes, (N,) str.

    texts    (N,) str of each voter, of whatever widths
    weights  of each voter, (1,) or (N,) by row; of texts with as many votes that of the first voter is taken
    """
    import numpy as np

    votes = np.zeros((len(texts), len(texts[0])))
    for number, own in enumerate(texts):
        for other, weight in zip(texts, weights, strict=True):
            votes[number] += np.where(own == other, weight, 0.0)
    elected = _first_of_most(votes, np.abs(votes).sum(axis=0))
    every = np.stack([each.astype(np.result_type(*texts)) for each in texts])
    taken: Array = every[elected, np.arange(len(elected))]
    return taken


def vote_of_choices(scores: Sequence[Array], weights: Sequence[Array]) -> Array:
    """Sum up the votes for each of C choices, (N, C) float64: a voter gives its weight to that of its highest score.

    scores   (N, C) of each voter
    weights  of each voter, (1,) or (N,) by row. Of choices with as many votes that of the first voter is given the
             least that makes it the largest in float32
    """
    import numpy as np

    rows = np.arange(len(scores[0]))
    chosen = np.stack([each.argmax(axis=1) for each in scores])
    votes = np.zeros(scores[0].shape)
    for each, weight in zip(chosen, weights, strict=True):
        votes[rows, each] += weight
    own = votes[rows, chosen]
    elected = chosen[_first_of_most(own, np.abs(votes).sum(axis=1)), rows]
    single = votes.astype(np.float32)
    tied = single.argmax(axis=1) != elected
    highest = np.nextafter(single.max(axis=1), np.float32(np.inf))
    votes[rows[tied], elected[tied]] = highest[tied]
    return votes


def _first_of_most(votes: Array, scale: Array) -> Array:
    """Number in each column of (K, N) votes the first row that has the most, (N,) int64."""
    first: Array = (votes >= votes.max(axis=0) - TIE * scale).argmax(axis=0)
    return first
