"""Weights of a blend: for squared and absolute errors, and for ranks of embedding models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ctk.bench import blend_peers, retrieval_case
from ctk.bench.bench_case import BenchCase, Contestant, Run, Verdict
from ctk.blend import hill_climb

Floats = NDArray[Any]

MOST_FOR_PEERS = 1 << 22
"""Numbers that peers who read them at every step get through in a minute."""


def cases(device: str, small: bool) -> dict[str, Callable[[], BenchCase]]:
    """See ctk.bench.cases. On the CPU alone."""
    if device != "cpu":
        return {}
    if small:
        sizes = [("r2", 5, 300, 1, 1.0), ("r2", 5, 120, 4, 1.0), ("mae", 4, 200, 1, 1.0), ("mae", 4, 150, 3, 1.0)]
        return _builders(sizes, (3, 60, 40, 12), 1.0)
    sizes = [
        ("r2", 16, 100_000, 1, 40.0),
        ("r2", 16, 20_000, 368, 25.0),
        ("r2", 8, 1_000, 368, 40.0),
        ("mae", 8, 43_371, 1, 15.0),
        ("mae", 8, 43_371, 18, 30.0),
    ]
    return _builders(sizes, (4, 2_000, 1_000, 256), 20.0)


def _builders(
    sizes: list[tuple[str, int, int, int, float]], models: tuple[int, int, int, int], seconds: float
) -> dict[str, Callable[[], BenchCase]]:
    builders: dict[str, Callable[[], BenchCase]] = {name(*size[:4]): partial(case, *size) for size in sizes}
    builders[retrieval_case.name(*models)] = partial(retrieval_case.case, *models, seconds)
    return builders


def name(metric: str, members: int, rows: int, columns: int) -> str:
    """The name of a case in the table."""
    return f"{metric} M={members} N={rows:,} T={columns}"


def data(members: int, rows: int, columns: int) -> tuple[Floats, Floats]:
    """Predictions (M, N, T) and target (N, T) in float64: errors that members share, and errors of their own."""
    random = np.random.default_rng(0)
    signal = random.standard_normal((rows, columns))
    target = signal + 0.4 * random.standard_normal((rows, columns))
    shared = 0.4 * random.standard_normal((rows, columns))
    predictions = np.empty((members, rows, columns))
    for member in range(members):
        own = random.standard_normal((rows, columns))
        part = random.uniform(0.5, 1.5)
        predictions[member] = random.uniform(0.8, 1) * signal + part * shared + random.uniform(0.3, 0.8) * own
    return predictions, target


def case(metric: str, members: int, rows: int, columns: int, seconds: float) -> BenchCase:
    """r2 has one weight a member, which the mean of columns is climbed for; mae has one a member and column."""
    predictions, target = data(members, rows, columns)
    if columns == 1:
        predictions, target = predictions[:, :, 0].copy(), target[:, 0].copy()
    each_column = metric == "mae" and columns > 1
    contestants = [
        Contestant("reading once and the Gram product", partial(_floor, predictions), "floor"),
        Contestant("the Gram product", lambda: partial(_gram, predictions)),
        Contestant("ctk", lambda: partial(_ours, predictions, target, metric, each_column), "ctk"),
    ]
    if metric == "r2":
        contestants.append(
            Contestant("least squares: the ceiling", lambda: partial(blend_peers.least_squares, predictions, target))
        )
        contestants.append(
            Contestant(
                "scipy Nelder-Mead on the Gram matrix",
                lambda: partial(blend_peers.nelder_mead_on_gram, predictions, target),
            )
        )
    if each_column or predictions.size < MOST_FOR_PEERS:  # else they take minutes to hours
        contestants += [
            Contestant("hillclimbers", partial(blend_peers.hillclimbers, predictions, target, metric, "scikit-learn")),
            Contestant("scipy Nelder-Mead", partial(blend_peers.nelder_mead, predictions, target, metric)),
        ]
    if not each_column and predictions.size < MOST_FOR_PEERS:
        lean = partial(blend_peers.hillclimbers, predictions, target, metric, "numpy")
        contestants.append(Contestant("hillclimbers, numpy metric", lean))
    if not each_column:
        steps = 100 if columns == 1 else 20
        contestants.append(
            Contestant(
                f"AutoGluon EnsembleSelection, {steps} steps",
                partial(blend_peers.autogluon, predictions, target, metric, steps),
            )
        )
    return BenchCase(
        name(metric, members, rows, columns), "cpu", contestants, judge(predictions, target, metric), seconds
    )


def judge(predictions: Floats, target: Floats, metric: str) -> Callable[[Floats], Verdict]:
    """Score is the metric in float64, of weights (M,) or (T, M), or of a blend where a peer gives no weights."""

    def compare(answer: Floats) -> Verdict:
        if answer.shape == target.shape:
            blend = answer
        elif answer.ndim == 1:
            blend = np.tensordot(answer, predictions, 1)
        else:
            blend = np.einsum("tm,mnt->nt", answer, predictions)
        return Verdict(score=blend_peers.METRICS[metric](target, blend))

    return compare


def _ours(predictions: Floats, target: Floats, metric: str, each_column: bool) -> Floats:
    return hill_climb(predictions, target, metric, columns=range(target.shape[1]) if each_column else None).weights


def _gram(predictions: Floats) -> None:
    rows = predictions.reshape(len(predictions), -1)
    np.matmul(rows, rows.T)


def _floor(predictions: Floats) -> Run:
    tensor = torch.from_numpy(predictions)

    def run() -> None:
        tensor.sum()  # on all threads, which numpy's is not
        _gram(predictions)

    return run
