"""Exact ranks of each query's target among a gallery."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ctk.bench import products, rankers
from ctk.bench.bench_case import BenchCase, Contestant, Verdict
from ctk.ops import processor, target_ranks

COSINE = {"found": 0.1, "random": 0.0}
"""Mean cosine of a query and its target; other entries' are about 0 by 1 / sqrt(D). At 0 nothing sets a target apart,
which is the worst for a screen: as many scores as can be lie near the target's."""
CHUNK = 1024


def cases(device: str, small: bool) -> dict[str, Callable[[], BenchCase]]:
    """See ctk.bench.cases."""
    sizes, seconds = (12_500, 2_500, 1536), 25.0
    if device == "cuda":
        sizes, seconds = (100_000, 100_000, 768), 20.0
    if small:
        sizes, seconds = (96, 112, 48), 1.0
    return {name(*sizes, kind): partial(case, *sizes, kind, device, seconds) for kind in COSINE}


def name(queries: int, gallery: int, width: int, kind: str) -> str:
    """The name of a case in the table."""
    return f"N={queries:,} G={gallery:,} D={width:,}, {kind}"


def data(queries: int, gallery: int, width: int, cosine: float) -> tuple[Tensor, Tensor, Tensor]:
    """Unit vectors of queries and gallery, float32, and each query's target."""
    generator = torch.Generator().manual_seed(0)
    entries = normalize(torch.randn(gallery, width, generator=generator))
    target = torch.randint(0, gallery, (queries,), generator=generator)
    noise = normalize(torch.randn(queries, width, generator=generator))
    return normalize(cosine * entries[target] + (1 - cosine**2) ** 0.5 * noise), entries, target


def case(queries: int, gallery: int, width: int, kind: str, device: str, seconds: float) -> BenchCase:
    """float32 on either device."""
    query, entries, target = (each.to(device) for each in data(queries, gallery, width, COSINE[kind]))
    count = partial(target_ranks, query, entries, target)
    floor = partial(products.scores_of_torch, query, entries, CHUNK if device == "cuda" else queries)
    contestants = [Contestant("one product, torch", floor, "floor")]
    if device == "cpu":
        # Of the sets that this processor has, the best and those that others have to do with.
        best = processor.instruction_set()
        lesser = [isa for isa in ("avx512", "avx2") if best in processor.INSTRUCTION_SETS and _less(isa, best)]
        contestants += [
            Contestant("one product, numpy", partial(products.scores_of_numpy, query, entries)),
            Contestant("ctk", lambda: count, "ctk"),
            *(Contestant(f"ctk, {isa}", lambda: count, "ctk", isa) for isa in lesser),
        ]
    else:
        contestants.append(Contestant("ctk", lambda: count, "ctk"))
    contestants.append(
        Contestant("torch, counted in chunks", lambda: partial(rankers.counted, query, entries, target, CHUNK))
    )
    if device == "cpu":
        contestants += [
            Contestant("faiss flat, top 100", partial(rankers.faiss, query, entries, target, min(100, gallery))),
            Contestant("torch, argsort", lambda: partial(rankers.sorted_, query, entries, target)),
        ]
    return BenchCase(
        name(queries, gallery, width, kind),
        device,
        contestants,
        judge(query, entries, target),
        seconds,
        kind == "found",
    )


def judge(query: Tensor, gallery: Tensor, target: Tensor) -> Callable[[Tensor], Verdict]:
    """Score is the mean reciprocal rank; error the number of ranks unlike float64's, of those that are known.

    As in ctk.ops.ranking a score is rounded to float32 before it is compared. NaN is a rank that is not known, and
    counts nothing to the score.
    """
    exact: list[Tensor] = []

    def compare(ranks: Tensor) -> Verdict:
        if not exact:
            parts = torch.split(query, CHUNK), torch.split(target, CHUNK)
            wide = gallery.double()
            exact.append(
                torch.cat(
                    [rankers.count((part.double() @ wide.T).float(), of) for part, of in zip(*parts, strict=True)]
                )
            )
        known = ~ranks.isnan()
        return Verdict(
            score=float((1 / ranks.double()).nan_to_num(0).mean()), error=float((ranks != exact[0])[known].sum())
        )

    return compare


def _less(isa: str, best: str | None) -> bool:
    order = processor.INSTRUCTION_SETS
    return best is not None and order.index(isa) < order.index(best)
