"""Trials per minute of ctk search against a plain Optuna script with the same objective.

python plugins/search/bench/throughput.py [--trials 12] [--epochs 4] [--rounds 3] [--workers 2]

Both make the same runs of aml-retrieval on its embedded data (sampler random with the same values, no pruner, a report
each) with the same number of worker processes and one torch thread in each:

plain   Optuna's study in an SQLite file; ask, submit to a ProcessPoolExecutor whose task calls ``ctk.run`` with the
        executor "serial", tell in the order in which trials end
search  ctk_search.search with the executor "local", its study in an SQLite file too

They take turns, round by round, in processes of their own, and the one that begins changes. A warm-up round comes
before. The clock starts when both have imported what they need, and stops when the last trial was told: starting the
workers counts, ending them and writing the search's page does not. Processor time is that of driver and workers until
they have ended. One line a round in results/throughput.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SERIAL = ("executor.name=serial", "executor.threads=1")
RESULTS = Path(__file__).parent / "results" / "throughput.csv"
SPACE = {
    "members.residual-mlp.optimizer.lr": [5e-4, 1e-3, 2e-3, 4e-3],
    "members.residual-mlp.loss.temperature": [0.01, 0.02, 0.03, 0.05],
    "members.residual-mlp.model.dropout": [0.0, 0.1, 0.2],
}


def base(epochs: int) -> list[str]:
    """What all trials share; without the baseline, which a search leaves out, and with the validation loss."""
    return [
        "members=[{model: {name: residual-mlp, hidden: 256, layers: 1}, loss: {name: info-nce, temperature: 0.03},"
        " optimizer: {name: adamw, lr: 2.0e-3, weight_decay: 0.05}, batch: {size: 1024, by: image},"
        f" epochs: {epochs}, valid_loss: true}}]",
        "blend=mean",
        "seeds=[1]",
    ]


def one(given: tuple[str, list[str]]) -> float:
    """The plain script's objective, in a worker."""
    import ctk

    folder, overrides = given
    results = ctk.run("aml-retrieval", preset="quick", overrides=[*overrides, *SERIAL], root=Path(folder))
    return float(results.scores["blend"]["mrr_gallery"])


def threads() -> None:
    """Before torch is imported in a worker."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def spent() -> float:
    """Processor seconds of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def plain(folder: Path, trials: int, epochs: int, workers: int) -> tuple[float, float, list[float]]:
    """Seconds, processor seconds, and the scores in the order of trials."""
    import multiprocessing
    import time
    from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait

    import optuna

    import ctk.workflow.run
    from ctk_search import samplers
    from ctk_search.study import seed_of

    assert ctk.workflow.run
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {name: optuna.distributions.CategoricalDistribution(values) for name, values in SPACE.items()}
    begun, before = time.perf_counter(), spent()
    study = optuna.create_study(storage=f"sqlite:///{folder / 'plain.db'}", direction="maximize")
    running, asked = {}, 0
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, initializer=threads) as pool:
        while running or asked < trials:
            while len(running) < workers and asked < trials:
                # The search's own sampler, so that both make the same trials.
                study.sampler = samplers.random(space, seed_of(0, asked))
                trial = study.ask(space)
                overrides = [*base(epochs), *(f"{name}={value}" for name, value in trial.params.items())]
                running[pool.submit(one, (str(folder / "runs"), overrides))] = trial
                asked += 1
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                study.tell(running.pop(future), future.result())
        seconds = time.perf_counter() - begun
    return seconds, spent() - before, [trial.value or 0.0 for trial in study.trials]


def searched(folder: Path, trials: int, epochs: int, workers: int) -> tuple[float, float, list[float]]:
    """The same with ctk search."""
    import time

    from optuna.trial import FrozenTrial

    import ctk.workflow.run
    from ctk_search.api import search
    from ctk_search.searching import Observer

    assert ctk.workflow.run

    class Clock(Observer):
        def ended(self, trial: FrozenTrial) -> None:
            self.seconds = time.perf_counter() - begun

        def end(self) -> None:
            self.spent = spent() - before

    clock = Clock()
    begun, before = time.perf_counter(), spent()
    found = search(
        "aml-retrieval",
        space=SPACE,
        trials=trials,
        sampler="random",
        pruner="none",
        preset="quick",
        overrides=base(epochs),
        execution=[f"executor.workers={workers}", "executor.threads=1"],
        root=folder / "runs",
        observer=clock,
    )
    return clock.seconds, clock.spent, [trial.value or 0.0 for trial in found.trials]


def child(kind: str, trials: int, epochs: int, workers: int) -> tuple[float, float, list[float]]:
    """One of them in a process of its own."""
    command = [sys.executable, __file__, "--child", kind]
    options = ["--trials", str(trials), "--epochs", str(epochs), "--workers", str(workers)]
    told = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    seconds, processor, scores = json.loads(told.stdout.splitlines()[-1])
    return seconds, processor, scores


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--child", choices=["plain", "search"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    shape = (given.trials, given.epochs, given.workers)
    if given.child:
        with tempfile.TemporaryDirectory() as folder:
            made = {"plain": plain, "search": searched}[given.child]
            print(json.dumps(made(Path(folder), *shape)))
        return
    import optuna
    import torch

    child("search", given.workers, 1, given.workers)  # reads the data, fills caches
    rows: list[list[object]] = []
    ratios: dict[str, list[float]] = {"trials a minute": [], "processor time": []}
    for number in range(given.rounds):
        made = {}
        for kind in ("plain", "search") if number % 2 == 0 else ("search", "plain"):
            seconds, processor, _ = made[kind] = child(kind, *shape)
            rate = given.trials / seconds * 60
            rows.append([number, kind, *shape, *(f"{value:.2f}" for value in (seconds, processor, rate))])
            print(
                f"round {number}  {kind:<7}{seconds:7.1f} s  {processor:7.1f} s of processors  {rate:6.2f} trials/min",
                flush=True,
            )
        assert made["plain"][2] == made["search"][2], "both make the same trials"
        ratios["trials a minute"].append(made["plain"][0] / made["search"][0])
        ratios["processor time"].append(made["search"][1] / made["plain"][1])
    for what, values in ratios.items():
        print(f"{what}, search / plain: {statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})")
    facts = [platform.machine(), os.cpu_count(), platform.python_version(), torch.__version__, optuna.__version__]
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = ["round", "kind", "trials", "epochs", "workers", "seconds", "processor_seconds", "trials_per_minute"]
        writer.writerow([*columns, "machine", "cores", "python", "torch", "optuna"])
        writer.writerows([*row, *facts] for row in rows)


if __name__ == "__main__":
    main()
