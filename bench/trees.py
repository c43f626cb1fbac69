"""Fits of the plugins' trees against calling their libraries on the same matrix.

python bench/trees.py [--library NAME ...] [--rows 43371] [--columns 100] [--targets 3] [--rounds 100] [--runs 5]

Both bin the matrix once, fit a booster a target with early stopping on a fifth of the rows and predict these, with the
same parameters in one process. They take turns, and the one that begins changes; a warm-up of each comes before. The
plugin also builds its matrix out of features, writes and reads its boosters. Medians, and the median of the ratios of
neighbours, of the clock's time and of processor time, which a busy machine disturbs less; ``matrix`` is what the
plugin's table alone takes. Predictions are compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ctk.components.metrics import MAE
from ctk.contract import FitContext
from ctk.data import FeatureTable
from ctk.samples import Array, Samples

RATE, PATIENCE = 0.1, 50


def data(rows: int, columns: int, targets: int) -> tuple[Samples, Samples]:
    """Numbers, a third of them in features of their own as a table's columns are, and smooth targets."""
    random = np.random.default_rng(0)
    x = random.standard_normal((rows, columns), dtype=np.float32)
    y = np.tanh(x[:, :20] @ random.standard_normal((20, targets))) + 0.1 * random.standard_normal((rows, targets))
    single = columns // 3
    features = {f"column {number}": np.ascontiguousarray(x[:, number]) for number in range(single)}
    samples = Samples(np.arange(rows), {**features, "rest": x[:, single:].copy()}, y.astype(np.float32))
    cut = rows * 4 // 5
    return samples.take(np.arange(cut)), samples.take(np.arange(cut, rows))


def plugin(name: str, train: Samples, valid: Samples, rounds: int) -> Array:
    """The member's model, fitted and asked."""
    if name == "xgboost":
        from ctk_xgboost.model import XGBoost as Model
        from ctk_xgboost.model import XGBoostTraining as Training
    else:
        from ctk_lightgbm.model import LightGBM as Model  # type: ignore[assignment]
        from ctk_lightgbm.model import LightGBMTraining as Training  # type: ignore[assignment]
    model: Any = Model()
    model.training = Training(rounds=rounds, learning_rate=RATE, patience=PATIENCE)
    with tempfile.TemporaryDirectory() as folder:
        model.fit(train, valid, FitContext(Path(folder), 1, MAE, device="cpu"))
        return np.asarray(model.predict(valid))


def xgboost_alone(x: Array, y: Array, xv: Array, yv: Array, rounds: int) -> Array:
    """As XGBoost's documentation has it."""
    import xgboost as xgb

    threads = torch.get_num_threads()
    params = {"learning_rate": RATE, "eval_metric": "mae", "nthread": threads, "seed": 1}
    train = xgb.QuantileDMatrix(x, label=y[:, 0], nthread=threads)
    valid = xgb.QuantileDMatrix(xv, label=yv[:, 0], ref=train, nthread=threads)
    rows, predicted = xgb.DMatrix(xv, nthread=threads), []
    for column in range(y.shape[1]):
        train.set_label(y[:, column])
        valid.set_label(yv[:, column])
        booster = xgb.train(
            params, train, rounds, evals=[(valid, "valid")], early_stopping_rounds=PATIENCE, verbose_eval=False
        )
        predicted.append(booster.predict(rows, iteration_range=(0, booster.best_iteration + 1)))
    return np.column_stack(predicted)


def lightgbm_alone(x: Array, y: Array, xv: Array, yv: Array, rounds: int) -> Array:
    """As LightGBM's documentation has it, with the plugin's parameters for sums that do not change."""
    import lightgbm as lgb

    threads = torch.get_num_threads()
    params = {"learning_rate": RATE, "metric": "l1", "num_threads": threads, "seed": 1, "verbosity": -1}
    params |= {"deterministic": True, "force_col_wise": True}
    train = lgb.Dataset(x, y[:, 0], params=params).construct()
    valid = lgb.Dataset(xv, yv[:, 0], reference=train, params=params).construct()
    predicted = []
    for column in range(y.shape[1]):
        train.set_label(y[:, column])
        valid.set_label(yv[:, column])
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        booster = lgb.train(params, train, rounds, valid_sets=[valid], callbacks=[stop])
        predicted.append(booster.predict(xv, num_threads=threads))
    return np.column_stack(predicted)


def seconds(call: Callable[[], Array]) -> tuple[float, float]:
    """How long a call takes by the clock, and of all processors together."""
    begun, spent = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - begun, time.process_time() - spent


def main() -> None:
    """Print a line a library."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--library", nargs="+", default=["xgboost", "lightgbm"])
    for name, default in (("rows", 43_371), ("columns", 100), ("targets", 3), ("rounds", 100), ("runs", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    train, valid = data(given.rows, given.columns, given.targets)
    table = FeatureTable.of(train)
    matrix, _ = min(seconds(lambda: table.matrix(train)) for _ in range(3))
    x, xv = table.matrix(train), table.matrix(valid)
    assert train.target is not None
    assert valid.target is not None
    y, yv = np.asfortranarray(train.target), np.asfortranarray(valid.target)
    for library in given.library:
        alone = {"xgboost": xgboost_alone, "lightgbm": lightgbm_alone}[library]
        calls = [
            lambda library=library: plugin(library, train, valid, given.rounds),
            lambda alone=alone: alone(x, y, xv, yv, given.rounds),
        ]
        first = [call() for call in calls]
        apart = float(np.abs(first[0] - first[1]).max())
        times: list[list[tuple[float, float]]] = [[], []]
        for run in range(given.runs):
            for which in (0, 1) if run % 2 else (1, 0):
                times[which].append(seconds(calls[which]))
        for number, what in enumerate(("by the clock", "of processors")):
            pairs = [(ours[number], theirs[number]) for ours, theirs in zip(*times, strict=True)]
            ours, theirs = map(statistics.median, zip(*pairs, strict=True))
            ratios = [one / other for one, other in pairs]
            print(
                f"{library}, {what}: plugin {ours:.3f} s, library {theirs:.3f} s, "
                f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
            )
        print(f"  matrix {matrix:.3f} s; threads {torch.get_num_threads()}; predictions at most {apart:.1e} apart")


if __name__ == "__main__":
    main()
