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
import csv
import math
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import optuna

from ctk.bench.tables import machine
from ctk.files import atomic

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


@dataclass(frozen=True)
class Row:
    """A trial of a search: what was spent with it (epochs), its score, the best of a full run so far."""

    sampler: str
    repeat: int
    trial: int
    share: float
    epochs: int
    score: float
    best: float


@dataclass(frozen=True)
class Line:
    """A sampler's best scores over the repeats, when a number of trials or of epochs was spent."""

    sampler: str
    kind: str
    limit: int
    median: float
    lowest: float
    highest: float
    repeats: tuple[float, ...]

    @classmethod
    def of(cls, sampler: str, rows: Sequence[Row], kind: str, limit: int) -> Line:
        """The last rows of a sampler's searches that are within the limit."""
        last = {row.repeat: row.best for row in rows if row.sampler == sampler and getattr(row, kind) <= limit}
        best = tuple(last.values())
        return cls(sampler, kind + "s" * (kind == "trial"), limit, median(best), min(best), max(best), best)


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
    rows: list[Row] = []
    with ProcessPoolExecutor(given.workers) as pool:
        coming = [
            pool.submit(searched, name, seed, given.trials, given.cache) for name in given.samplers for seed in seeds
        ]
        for done, future in enumerate(as_completed(coming), 1):
            rows += (found := future.result())
            last = found[-1]
            print(f"{done}/{len(coming)} {last.sampler}, repeat {last.repeat}: {last.best:.4f}", flush=True)

    rows.sort(key=lambda row: (given.samplers.index(row.sampler), row.repeat, row.trial))
    budgets = (("trial", given.trials), ("epochs", given.trials * EPOCHS))
    table = [Line.of(name, rows, kind, limit) for kind, limit in budgets for name in given.samplers]
    print(f"\n{'best MRR of full runs':24}{'after':12}{'median':>8}{'lowest':>8}{'highest':>8}  repeats")
    for line in table:
        each = " ".join(f"{score:.4f}" for score in line.repeats)
        after = f"{line.limit} {line.kind}"
        print(f"{line.sampler:24}{after:12}{line.median:8.4f}{line.lowest:8.4f}{line.highest:8.4f}  {each}")
    full = max(row.score for row in rows if row.share == 1)
    print(f"best full run of all {full:.4f}; {len(list(given.cache.glob('*.json')))} different runs in the cache")
    where = {**machine(), "optuna": optuna.__version__}
    write(given.results / "samplers.csv", [{**asdict(line), **where} for line in table])
    write(given.results / "samplers-trials.csv", [asdict(row) for row in rows])
    picture(rows, given.trials, given.results / "samplers.png")


# A search -------------------------------------------------------------------------------------------------------------


def searched(name: str, seed: int, trials: int, cache: Path) -> list[Row]:
    """The trials of one search: so many, and on until as many epochs are spent as so many in full take."""
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
    rows: list[Row] = []
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
        rows.append(Row(name, seed, len(rows) + 1, share, spent, score, best))
    return rows


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


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A CSV of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, tuple):
        return " ".join(_cell(each) for each in value)
    return f"{value:.6g}" if isinstance(value, float) else value


def picture(rows: Sequence[Row], trials: int, path: Path) -> None:
    """Best so far by trials and by epochs: the median of the repeats, and from the lowest to the highest."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
    for axis, kind, limit in zip(axes, ("trial", "epochs"), (trials, trials * EPOCHS), strict=True):
        spent = np.arange(1, limit + 1)
        for name in dict.fromkeys(row.sampler for row in rows):
            mine = [row for row in rows if row.sampler == name]
            curves = np.array([_best_after(mine, repeat, kind, spent) for repeat in {row.repeat for row in mine}])
            known = ~np.isnan(curves).any(axis=0)
            (line,) = axis.plot(spent[known], np.median(curves[:, known], axis=0), drawstyle="steps-post", label=name)
            low, high = curves[:, known].min(axis=0), curves[:, known].max(axis=0)
            axis.fill_between(spent[known], low, high, step="post", alpha=0.12, color=line.get_color(), linewidth=0)
        axis.set_xlabel("trials" if kind == "trial" else "epochs spent")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("best MRR of a full run so far")
    axes[1].legend(loc="lower right")
    bottom = np.quantile([row.best for row in rows if not math.isnan(row.best)], 0.02)
    axes[0].set_ylim(bottom=bottom)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def _best_after(rows: Sequence[Row], repeat: int, kind: str, spent: Any) -> list[float]:
    """The best score of a repeat at each amount that was spent; NaN before the first full run."""
    import numpy as np

    mine = [row for row in rows if row.repeat == repeat]
    places = np.searchsorted([getattr(row, kind) for row in mine], spent, side="right") - 1
    return [mine[place].best if place >= 0 else math.nan for place in places]


if __name__ == "__main__":
    main()
