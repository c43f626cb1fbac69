"""Weights by two bins of rows, by mean absolute error: ctk's simplex beside SciPy's, and the hill climb beside both.

    .venv/bin/python bench/nelder_mead.py [ROUNDS]

All in this process, one after another in each round; told are medians, and ratios of the same round.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ctk.blend import hill_climb, nelder_mead

ROWS, MEMBERS, TARGETS = 43_371, 8, 18
SMALL = 1_833
"""Rows of scenes of one or two rows."""


def make(seed: int = 0) -> tuple[Any, Any, Any]:
    """Predictions (M, N, T) float32 whose errors are shared in part and grow along the targets; target; labels (N,)."""
    random = np.random.default_rng(seed)
    growth = np.linspace(0.1, 1, TARGETS)
    target = (random.standard_normal((ROWS, TARGETS)) * growth).astype(np.float32)
    shared = random.standard_normal((ROWS, TARGETS))
    scale = random.exponential(1, (ROWS, 1))
    errors = [
        0.3 * shared + random.uniform(0.3, 0.8) * scale * random.standard_normal((ROWS, TARGETS))
        for _ in range(MEMBERS)
    ]
    predictions = np.stack([target + growth * error for error in errors]).astype(np.float32)
    return predictions, target, (np.arange(ROWS) >= SMALL).astype(np.int64)


def by_scipy(predictions: Any, target: Any, labels: Any) -> float:
    """SciPy's Nelder-Mead with its defaults, from equal weights, clipped at zero and divided by their sum."""
    total = 0.0
    for label in (0, 1):
        rows = labels == label
        errors = (predictions[:, rows] - target[rows]).reshape(len(predictions), -1)

        def loss(weights: Any, errors: Any = errors) -> float:
            weights = np.clip(weights, 0, None)
            return float(np.abs((weights / weights.sum()).astype(np.float32) @ errors).mean())

        found = minimize(loss, np.full(len(predictions), 1 / len(predictions)), method="Nelder-Mead")
        total += float(found.fun) * rows.sum()
    return total / len(labels)


def main(rounds: int) -> None:
    """Print milliseconds, the ratio to SciPy's, and the score of each."""
    predictions, target, labels = make()
    tried: dict[str, Callable[[], float]] = {
        "ctk.blend.nelder_mead": lambda: nelder_mead(predictions, target, "mae", groups=labels).score,
        "scipy Nelder-Mead": lambda: by_scipy(predictions, target, labels),
        "ctk.blend.hill_climb": lambda: hill_climb(predictions, target, "mae", groups=labels).score,
    }
    seconds: dict[str, list[float]] = {name: [] for name in tried}
    scores = {}
    for _ in range(rounds):
        for name, run in tried.items():
            begun = time.perf_counter()
            scores[name] = run()
            seconds[name].append(time.perf_counter() - begun)
    peer = np.array(seconds["scipy Nelder-Mead"])
    print(f"mae, M={MEMBERS} N={ROWS:,} T={TARGETS}, bins of {SMALL:,} and {ROWS - SMALL:,} rows, {rounds} rounds")
    for name, each in seconds.items():
        ratio = float(np.median(peer / np.array(each)))
        print(f"{name:24} {1e3 * float(np.median(each)):9.1f} ms  {ratio:6.2f} x scipy's  score {scores[name]:.9f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
