"""random, tpe and mcts on aml-retrieval's default data: best MRR by trials and by epochs, over repeats.

    nice -n 19 python plugins/mcts/bench/samplers.py [--trials 30] [--repeats 5] [--workers 2] [--cache FOLDER]

The space is retrieval.yaml beside this file. Each trial is a run as `ctk search --pruner none --workers 1` makes it,
on one thread. Its score is kept in the cache by overrides and data, so that samplers and repeats share runs and a
comparison that was killed goes on; give another cache after a change of how networks are trained. Repeat r searches
with seed r. A search with probes is given as many epochs as the others, and so more trials. Writes
results/samplers.csv, a row for each sampler and budget; results/samplers-trials.csv, a row for each trial;
results/samplers.png.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import optuna
import pandas as pd

from ctk.bench.tables import machine

HERE = Path(__file__).parent
SPACE = HERE / "retrieval.yaml"
SAMPLERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "random": ("random", {}),
    "tpe": ("tpe", {}),
    "mcts": ("mcts", {}),
    "mcts, probes": ("mcts", {"probe": 0.25}),
    "mcts, plain UCT": ("mcts", {"rave": 0.0, "backup": "mean", "exploration": 0.3}),
}
EPOCHS = 4
"""Of a trial in full."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("trials", 30), ("repeats", 5), ("workers", 2), ("first-seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "ctk-samplers")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"

    seeds = range(given.first_seed, given.first_seed + given.repeats)
    searches: list[pd.DataFrame] = []
    with ProcessPoolExecutor(given.workers) as pool:
        coming = [
            pool.submit(searched, name, seed, given.trials, given.cache) for name in given.samplers for seed in seeds
        ]
        for done, future in enumerate(as_completed(coming), 1):
            searches.append(future.result())
            last = searches[-1].iloc[-1]
            print(f"{done}/{len(coming)} {last['sampler']}, repeat {last['repeat']}: {last['best']:.4f}", flush=True)

    trials = pd.concat(searches).sort_values(["repeat", "trial"])
    budgets = {"trial": given.trials, "epochs": given.trials * EPOCHS}
    table = pd.concat([summary(trials, kind, limit).loc[given.samplers] for kind, limit in budgets.items()])
    print(f"\nbest MRR of full runs\n{table.to_string(float_format='{:.4f}'.format)}")
    full = trials.loc[trials["share"] == 1, "score"].max()
    print(f"best full run of all {full:.4f}; {len(list(given.cache.glob('*.json')))} different runs in the cache")
    given.results.mkdir(parents=True, exist_ok=True)
    where = {**machine(), "optuna": optuna.__version__}
    table.assign(**where).to_csv(given.results / "samplers.csv", float_format="%.6g")
    of_samplers = trials.set_index("sampler").loc[given.samplers]
    of_samplers.to_csv(given.results / "samplers-trials.csv", float_format="%.6g")
    picture(trials, budgets, given.results / "samplers.png")


# A search -------------------------------------------------------------------------------------------------------------


def searched(name: str, seed: int, trials: int, cache: Path) -> pd.DataFrame:
    """The trials of one search: so many, and on until as many epochs are spent as so many in full take.

    A row for each trial: what was spent until then (epochs), its score, the best of a full run so far.
    """
    import torch

    from ctk.api import Guard
    from ctk_search.space import read
    from ctk_search.study import seed_of

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = read(SPACE)
    kind, options = SAMPLERS[name]
    factory: Callable[..., optuna.samplers.BaseSampler] = Guard("samplers", kind).load()
    study = optuna.create_study(direction="maximize")
    rows: list[dict[str, Any]] = []
    spent, best = 0, math.nan
    while len(rows) < trials or spent < trials * EPOCHS:
        if (driver := multiprocessing.parent_process()) and not driver.is_alive():
            raise SystemExit("The comparison was killed.")
        study.sampler = factory(space.distributions, seed_of(seed, len(rows)), **options)
        trial = study.ask(space.distributions)
        share = float(trial.user_attrs.get("ctk:share", 1.0))
        score = scored(space.overrides(trial.params), share, cache)
        study.tell(trial, score)
        spent += max(1, round(EPOCHS * share))
        best = max(score, best) if share == 1 else best  # of equals, and beside NaN, the first
        kept = {"trial": len(rows) + 1, "share": share, "epochs": spent, "score": score, "best": best}
        rows.append({"sampler": name, "repeat": seed, **kept})
    return pd.DataFrame(rows)


def scored(overrides: Sequence[str], share: float, cache: Path) -> float:
    """The score of a run, made unless the cache has it."""
    from ctk.api import Trial, run_trial
    from ctk.files import fingerprint, read_json, write_json
    from ctk_aml_retrieval import embedded
    from ctk_search.configs import config_of

    place = cache / f"{fingerprint(list(overrides), share, embedded.folder().name)}.json"
    if not place.exists():
        config = config_of("aml-retrieval", {"preset": "quick"}, overrides, share)
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            outcome = run_trial(Trial(Path(folder) / "run", config))
        if outcome.state != "finished":
            raise SystemExit(f"{' '.join(overrides)}: {outcome.problem}")
        write_json(place, {"score": outcome.score, "seconds": outcome.seconds, "overrides": overrides, "share": share})
    return float(read_json(place)["score"])


# What is kept ---------------------------------------------------------------------------------------------------------


def curves(trials: pd.DataFrame, kind: str, limit: int) -> pd.DataFrame:
    """The best score of each search (sampler, repeat) when so much of ``kind`` was spent: rows from 1 to ``limit``."""
    best = trials.pivot(index=kind, columns=["sampler", "repeat"], values="best")
    return best.reindex(best.index.union(range(1, limit + 1))).ffill().loc[1:limit]


def summary(trials: pd.DataFrame, kind: str, limit: int) -> pd.DataFrame:
    """Each sampler's best scores over the repeats, when so many trials or epochs were spent."""
    best = curves(trials, kind, limit).iloc[-1].groupby("sampler")
    table = best.agg(median="median", lowest="min", highest="max")
    table.insert(0, "kind", "trials" if kind == "trial" else kind)
    table.insert(1, "limit", limit)
    return table.assign(repeats=best.agg(lambda scores: " ".join(f"{score:.6g}" for score in scores)))


def picture(trials: pd.DataFrame, budgets: Mapping[str, int], path: Path) -> None:
    """Best so far by trials and by epochs: the median of the repeats, and from the lowest to the highest."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
    for axis, (kind, limit) in zip(axes, budgets.items(), strict=True):
        found = curves(trials, kind, limit)
        for name in trials["sampler"].unique():
            each = found[name].dropna()
            (line,) = axis.plot(each.median(axis=1), drawstyle="steps-post", label=name)
            low, high = each.min(axis=1), each.max(axis=1)
            axis.fill_between(each.index, low, high, step="post", alpha=0.12, color=line.get_color(), linewidth=0)
        axis.set_xlabel("trials" if kind == "trial" else "epochs spent")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("best MRR of a full run so far")
    axes[1].legend(loc="lower right")
    axes[0].set_ylim(bottom=trials["best"].quantile(0.02))
    figure.tight_layout()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
