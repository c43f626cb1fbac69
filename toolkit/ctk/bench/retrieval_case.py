"""Weights of embedding models by mean reciprocal rank."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ctk.bench import rankers
from ctk.bench.bench_case import BenchCase, Contestant, Run, Verdict
from ctk.blend import hill_climb_retrieval

SHARES = [round(0.025 * number, 3) for number in range(-20, 21)]
STEP = 0.025
MOST_ROUNDS = 100


def name(members: int, queries: int, gallery: int, width: int) -> str:
    """The name of a case in the table."""
    return f"retrieval M={members} Q={queries:,} G={gallery:,} D={width:,}"


def case(members: int, queries: int, gallery: int, width: int, seconds: float) -> BenchCase:
    """Models that see the same things, each through noise of its own; ours, and the same climb on whole matrices."""
    generator = torch.Generator().manual_seed(0)
    things = normalize(torch.randn(gallery, width, generator=generator))
    target = torch.randint(0, gallery, (queries,), generator=generator)

    def seen(what: Tensor, noise: float) -> Tensor:
        return normalize(what + noise * normalize(torch.randn(what.shape, generator=generator)))

    noises = [2.5 + 0.5 * member for member in range(members)]
    query_sets = [seen(things[target], noise) for noise in noises]
    gallery_sets = [seen(things, noise) for noise in noises]

    def ours() -> Tensor:
        blend = hill_climb_retrieval(query_sets, gallery_sets, target, step=STEP, max_rounds=MOST_ROUNDS)
        return torch.from_numpy(np.array(blend.weights))

    def judge(weights: Tensor) -> Verdict:
        blend = sum(
            float(weight) * (query.double() @ entries.double().T)
            for weight, query, entries in zip(weights, query_sets, gallery_sets, strict=True)
        )
        assert isinstance(blend, Tensor)
        return Verdict(score=float((1 / rankers.count(blend, target)).double().mean()))

    contestants = [
        Contestant("M products, torch", partial(_floor, query_sets, gallery_sets), "floor"),
        Contestant("ctk", lambda: ours, "ctk"),
        Contestant("torch, whole matrices", lambda: partial(_brute_force, query_sets, gallery_sets, target)),
    ]
    return BenchCase(name(members, queries, gallery, width), "cpu", contestants, judge, seconds, memory=True)


def _floor(query_sets: list[Tensor], gallery_sets: list[Tensor]) -> Run:
    scores = query_sets[0].new_empty(len(query_sets[0]), len(gallery_sets[0]))

    def run() -> None:
        for query, entries in zip(query_sets, gallery_sets, strict=True):
            torch.mm(query, entries.T, out=scores)

    return run


def _brute_force(query_sets: list[Tensor], gallery_sets: list[Tensor], target: Tensor) -> Tensor:
    """M x Q x G scores in memory, and one Q x G blend for each try."""
    matrices = [query @ entries.T for query, entries in zip(query_sets, gallery_sets, strict=True)]

    def score(blend: Tensor) -> float:
        return float((1 / rankers.count(blend, target)).double().mean())

    alone = [score(matrix) for matrix in matrices]
    first = max(range(len(matrices)), key=alone.__getitem__)
    blend, best = matrices[first], alone[first]
    weights = torch.zeros(len(matrices), dtype=torch.float64)
    weights[first] = 1
    for _ in range(1, MOST_ROUNDS):
        tries = [
            (score(torch.lerp(blend, matrix, share)), member, share)
            for member, matrix in enumerate(matrices)
            for share in SHARES
            if share
        ]
        gained, member, share = max(tries, key=lambda each: each[0])
        if gained <= best:
            break
        blend, best = torch.lerp(blend, matrices[member], share), gained
        weights *= 1 - share
        weights[member] += share
    return weights
